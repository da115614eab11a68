"""The kernel side beside a bare ZeroMQ client and beside nbclient, in one run.

    cmake --preset bench && cmake --build --preset bench --target bench
    python3 tests/bench/bench_kernel.py build/bench [PART…] [--rounds N]

Parts: cell instant many prints waits kernels storm. Each prints what was measured, its ratio and the aim.
Rounds of one and of the other alternate, and medians are compared: the machine is shared.
"""

import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import nbclient
import nbformat

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "integration"))
TICK = os.sysconf("SC_CLK_TCK")
# As Celldeck starts ipykernel, so that the same kernel is measured.
IPYKERNEL = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}",
             "--HistoryManager.hist_file=:memory:"]


def gaps(ends):
    return [after - before for before, after in zip(ends, ends[1:])]


def cpu_s(pid):
    """Of one process, without its children."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def rss_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise LookupError(pid)


def write_notebook(path, sources, kernel="python3"):
    v4 = nbformat.v4
    spec = {"name": kernel, "display_name": kernel, "language": "python"}
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources],
                                   metadata={"kernelspec": spec}), str(path))


def show(what, ours, theirs, unit, aim):
    print(f"  {what:34} {ours:9.3f} {unit} beside {theirs:9.3f} {unit}   "
          f"ratio {ours / theirs:6.3f}   (aim: {aim})", flush=True)


class Bench:
    def __init__(self, build, rounds):
        self.celldeck = str(build / "app" / "celldeck")
        self.bare = str(build / "tests" / "bench" / "bareclient")
        self.instant = str(build / "tests" / "bench" / "instantkernel")
        self.rounds = rounds
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("BENCH_DIR")))
        spec = self.folder / "jupyter" / "kernels" / "instant"
        spec.mkdir(parents=True)
        (spec / "kernel.json").write_text(json.dumps(
            {"argv": [self.instant, "{connection_file}"], "display_name": "instant",
             "language": "python"}))
        os.environ["JUPYTER_PATH"] = str(self.folder / "jupyter")
        os.environ["CELLDECK_DATA_DIR"] = str(self.folder / "data")
        os.environ["CELLDECK_TOKEN"] = "bench"
        os.environ["CELLDECK"] = self.celldeck  # what the tests' client starts

    def run_celldeck(self, path, cells):
        """Times of the cells' ends, and our CPU a cell between the first and the last.

        As with nbclient below: how a kernel starts and the file is written is another question."""
        run = subprocess.Popen([self.celldeck, "run", path, "--json", "--output", f"{path}.out"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        ends, cpu = [], []
        for line in run.stdout:
            if b'"task_finished"' not in line:
                continue
            ends.append(time.perf_counter())
            if len(ends) in (1, cells):
                # One that has ended tells it too, until it is waited for.
                cpu.append(cpu_s(run.pid))
        if run.wait() != 0 or len(ends) != cells:
            sys.exit("celldeck run failed")
        return ends, (cpu[1] - cpu[0]) / (cells - 1)

    def run_nbclient(self, path):
        ends, cpu = [], []

        def ended(**_):
            ends.append(time.perf_counter())
            cpu.append(time.process_time())

        notebook = nbformat.read(path, as_version=4)
        nbclient.NotebookClient(notebook, on_cell_executed=ended).execute()
        return ends, (cpu[-1] - cpu[0]) / max(1, len(ends) - 1), notebook

    def run_bare(self, cells, code, argv):
        return json.loads(subprocess.run([self.bare, str(cells), code, *argv], check=True,
                                         stdout=subprocess.PIPE).stdout)

    def cell(self, cells=300):
        path = self.folder / "pass.ipynb"
        write_notebook(path, ["pass"] * cells)
        ours, bare, theirs, our_cpu, their_cpu = [], [], [], [], []
        for _ in range(self.rounds):
            bare += self.run_bare(cells, "pass", IPYKERNEL)["gaps_ms"]
            ends, cpu = self.run_celldeck(path, cells)
            ours += [gap * 1000 for gap in gaps(ends)]
            our_cpu.append(cpu * 1000)
            ends, cpu, _ = self.run_nbclient(path)
            theirs += [gap * 1000 for gap in gaps(ends)]
            their_cpu.append(cpu * 1000)
        if not len(ours) == len(bare) == len(theirs):
            sys.exit("not as many cells ended here as there")
        print(f"cell: {cells} x pass on ipykernel, {self.rounds} rounds")
        median = statistics.median
        show("celldeck, bare client", median(ours), median(bare), "ms", "at most 1.15")
        show("celldeck, nbclient", median(ours), median(theirs), "ms", "at most 0.9")
        show("CPU: celldeck, nbclient", median(our_cpu), median(their_cpu), "ms", "at most 0.25")

    def instant_cells(self, cells=900):
        path = self.folder / "instant.ipynb"
        write_notebook(path, ["pass"] * cells, "instant")
        ours, bare, theirs = [], [], []
        for _ in range(self.rounds):
            bare += self.run_bare(cells, "pass", [self.instant, "{connection_file}"])["gaps_ms"]
            ours += [gap * 1000 for gap in gaps(self.run_celldeck(path, cells)[0])]
            theirs += [gap * 1000 for gap in gaps(self.run_nbclient(path)[0])]
        print(f"instant: {cells} cells on a kernel that answers at once, {self.rounds} rounds")
        rate = {name: 1000 / statistics.fmean(sorted(g)[:len(g) * 99 // 100])
                for name, g in (("ours", ours), ("bare", bare), ("theirs", theirs))}
        show("celldeck, nbclient", rate["ours"], rate["theirs"], "cells/s", "at least 10")
        show("celldeck, bare client", rate["ours"], rate["bare"], "cells/s", "no aim")

    def many(self, notebooks=8, cells=300):
        """As `instant`, with several notebooks at once: in one engine, and in one event loop."""
        paths = []
        for number in range(notebooks):
            paths.append(self.folder / f"many{number}.ipynb")
            write_notebook(paths[-1], ["pass"] * cells, "instant")
        ours, theirs = [], []
        server = self.serve()
        try:
            for path in paths:
                server.call("start_kernel", notebook_path=path.name)
            for _ in range(self.rounds):
                begun = time.perf_counter()
                last = [server.call("run_all_cells", notebook_path=path.name)["task_ids"][-1]
                        for path in paths]
                states = [server.call("wait_for_task", task_id=task, timeout_s=300)["status"]
                          for task in last]
                ours.append(notebooks * cells / (time.perf_counter() - begun))
                if states != ["completed"] * notebooks:
                    sys.exit(f"not all notebooks ran: {states}")
                theirs.append(notebooks * cells / asyncio.run(self.run_many_nbclients(paths)))
        finally:
            server.end()
        print(f"many: {notebooks} notebooks at once, {cells} cells each on a kernel that answers at "
              f"once, {self.rounds} rounds")
        show("celldeck, nbclient", statistics.median(ours), statistics.median(theirs), "cells/s",
             "no aim")

    @staticmethod
    async def run_many_nbclients(paths):
        """Seconds for all cells; their kernels run already, as ours do."""
        clients = [nbclient.NotebookClient(nbformat.read(path, as_version=4)) for path in paths]

        async def run(client):
            for index, cell in enumerate(client.nb.cells):
                await client.async_execute_cell(cell, index)

        async with contextlib.AsyncExitStack() as running:
            for client in clients:
                await running.enter_async_context(client.async_setup_kernel())
            begun = time.perf_counter()
            await asyncio.gather(*map(run, clients))
            return time.perf_counter() - begun

    def prints(self, count=20_000):
        path = self.folder / "prints.ipynb"
        write_notebook(path, ["pass", f"for i in range({count}):\n    print(i, flush=True)"])
        expected = "".join(f"{i}\n" for i in range(count))
        code = f"for i in range({count}): print(i, flush=True)"
        ours, bare, theirs = [], [], []
        for _ in range(self.rounds):
            bare += [gap / 1000 for gap in self.run_bare(2, code, IPYKERNEL)["gaps_ms"]]
            ends, _ = self.run_celldeck(path, 2)
            ours.append(ends[-1] - ends[-2])
            written = nbformat.read(f"{path}.out", as_version=4).cells[1].outputs
            if "".join(output.text for output in written) != expected:
                sys.exit("prints were lost")
            ends, _, _ = self.run_nbclient(path)
            theirs.append(ends[-1] - ends[-2])
        print(f"prints: {count} flushed prints in one cell, {self.rounds} rounds; none lost")
        show("celldeck, nbclient", statistics.median(ours), statistics.median(theirs), "s",
             "at most 0.7")
        # What the kernel itself needs for it.
        show("celldeck, bare client", statistics.median(ours), statistics.median(bare), "s", "no aim")

    def serve(self):
        import celldeck
        celldeck.PROGRAM = self.celldeck
        return celldeck.Server(dict(os.environ), self.folder, ["serve"])

    @staticmethod
    def threads(pid):
        """CPU in s, and how often a thread of it has gone to sleep by itself."""
        cpu = switches = 0
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            cpu += int((task / "schedstat").read_text().split()[0]) / 1e9
            for line in (task / "status").read_text().splitlines():
                if line.startswith("voluntary_ctxt_switches"):
                    switches += int(line.split()[1])
        return cpu, switches

    def waits(self, count=50, notebooks=5, seconds=30):
        server = self.serve()
        try:
            gate = self.folder / "gate"
            os.mkfifo(gate)
            tasks = []
            for number in range(notebooks):
                write_notebook(self.folder / f"wait{number}.ipynb",
                               [f"open({str(gate)!r}).read()"] + ["pass"] * (count // notebooks - 1))
                tasks += server.call("run_all_cells", notebook_path=f"wait{number}.ipynb")["task_ids"]
            for number in range(notebooks):
                while self.status(server, tasks[number * count // notebooks]) != "running":
                    time.sleep(0.05)
            waiting = [threading.Thread(target=self.wait, args=(server, task)) for task in tasks]
            for thread in waiting:
                thread.start()
            time.sleep(5)
            before = self.threads(server.process.pid)
            time.sleep(seconds)
            after = self.threads(server.process.pid)
            cpu = (after[0] - before[0]) / seconds * 100
            wakes = (after[1] - before[1]) / seconds
            print(f"waits: {len(tasks)} executions waiting, {seconds} s")
            print(f"  CPU {cpu:.4f} % of a core (aim: under 0.1), {wakes:.2f} wake-ups a second "
                  "(aim: under 5)", flush=True)
            os.close(os.open(gate, os.O_WRONLY))  # All of them read to the end.
            for thread in waiting:
                thread.join()
        finally:
            server.end()

    def wait(self, server, task):
        import celldeck
        client = object.__new__(celldeck.Server)
        client.url, client.token, client.process = server.url, server.token, server.process
        client.session, client.number = None, 0
        client.call("wait_for_task", task_id=task, timeout_s=600)

    @staticmethod
    def status(server, task):
        return server.call("get_execution_status", task_id=task)["status"]

    def kernels(self, count=32):
        server = self.serve()
        try:
            begun = time.perf_counter()
            tasks = []
            for number in range(count):
                write_notebook(self.folder / f"k{number}.ipynb", ["print(1)"])
                tasks += server.call("run_all_cells", notebook_path=f"k{number}.ipynb")["task_ids"]
            states = [server.call("wait_for_task", task_id=task, timeout_s=300)["status"]
                      for task in tasks]
            if states != ["completed"] * count:
                sys.exit(f"not all kernels ran: {states}")
            print(f"kernels: {count} at once started and ran a cell in "
                  f"{time.perf_counter() - begun:.1f} s; our process has "
                  f"{rss_mb(server.process.pid):.0f} MB", flush=True)
        finally:
            server.end()

    def storm(self, messages=100_000, size=10_000):
        server = self.serve()
        try:
            write_notebook(self.folder / "storm.ipynb", ["pass", f"storm {messages} {size}"],
                           "instant")
            run = lambda index: server.call("wait_for_task", timeout_s=600, task_id=server.call(
                "run_cell_async", notebook_path="storm.ipynb", index=index)["task_id"])
            run(0)
            before = rss_mb(server.process.pid)
            begun = time.perf_counter()
            ended = run(1)
            took = time.perf_counter() - begun
            if ended["status"] != "completed":
                sys.exit(f"the storm ended as {ended['status']}: {ended['error']}")
            after = rss_mb(server.process.pid)
            peak = next(int(line.split()[1]) / 1024 for line in pathlib.Path(
                f"/proc/{server.process.pid}/status").read_text().splitlines()
                if line.startswith("VmHWM"))
            print(f"storm: {messages * size / 1e9:.1f} GB in {took:.1f} s; memory {before:.0f} MB "
                  f"before, {after:.0f} MB after (aim: within 20 MB), {peak:.0f} MB at most",
                  flush=True)
        finally:
            server.end()


PARTS = {"cell": Bench.cell, "instant": Bench.instant_cells, "many": Bench.many,
         "prints": Bench.prints,
         "waits": Bench.waits, "kernels": Bench.kernels, "storm": Bench.storm}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("build", type=pathlib.Path)
    arguments.add_argument("parts", nargs="*", default=list(PARTS))
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    bench = Bench(given.build.resolve(), given.rounds)
    for part in given.parts:
        PARTS[part](bench)


if __name__ == "__main__":
    main()
