"""A cell through the whole queue, durability included, beside nbclient on the same machine.

    bench_cells.py CELLDECK [CELLS] [ROUNDS]

Both run notebooks of `pass` cells on ipykernel, in turn, and are measured alike: the time from one
cell's end to the next one's. Prints both medians and their ratio (the aim: at most 0.9).
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import nbclient
import nbformat


def gaps(ends):
    return [after - before for before, after in zip(ends, ends[1:])]


def celldeck_gaps(program, path, data):
    run = subprocess.Popen(
        [program, "run", path, "--json", "--output", path + ".out", "--data-dir", data],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    ends = [time.perf_counter() for line in run.stdout if b'"task_finished"' in line]
    if run.wait() != 0:
        sys.exit("celldeck run failed")
    return gaps(ends)


def nbclient_gaps(path):
    ends = []
    nbclient.NotebookClient(
        nbformat.read(path, as_version=4),
        on_cell_executed=lambda **_: ends.append(time.perf_counter()),
    ).execute()
    return gaps(ends)


def main():
    program = sys.argv[1]
    cells = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    ours, theirs = [], []
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        path = str(pathlib.Path(folder) / "pass.ipynb")
        v4 = nbformat.v4
        kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(v4.new_notebook(cells=[v4.new_code_cell("pass") for _ in range(cells)],
                                       metadata={"kernelspec": kernelspec}), path)
        for _ in range(rounds):
            theirs += nbclient_gaps(path)
            ours += celldeck_gaps(program, path, str(pathlib.Path(folder) / "data"))
    if len(ours) != len(theirs):
        sys.exit(f"{len(ours)} cells were measured beside {len(theirs)}: something was lost")
    a, b = statistics.median(ours), statistics.median(theirs)
    print(f"{cells} cells, {rounds} rounds; median of a cell")
    print(f"celldeck  {a * 1000:6.2f} ms")
    print(f"nbclient  {b * 1000:6.2f} ms")
    print(f"ratio     {a / b:6.2f}     (aim: at most 0.90)")


if __name__ == "__main__":
    main()
