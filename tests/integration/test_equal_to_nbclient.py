"""`celldeck run` gives the outputs that nbclient gives."""

import json
import re
import unittest

import nbclient
import nbformat

import celldeck
from celldeck import SAMPLES, TIMED_OUT

SAMPLE_LIMIT_S = 3  # one of the samples loops for ever, and is there to be interrupted


def normalised(value):
    """The same, without what differs from one kernel process to the next."""
    if isinstance(value, dict):
        return {key: normalised(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [normalised(inner) for inner in value]
    if isinstance(value, str):
        value = re.sub(r"0x[0-9a-f]{6,16}", "0xADDRESS", value)
        return re.sub(r"/ipykernel_\d+/", "/ipykernel_PID/", value)
    return value


def coalesced(outputs):
    """Neighbouring texts of one stream as one, as newer versions of nbclient have them."""
    merged = []
    for output in outputs:
        last = merged[-1] if merged else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            last["text"] += output["text"]
        else:
            merged.append(dict(output))
    return merged


def named_widgets(notebook):
    """Outputs and widgets with names for the random ids of widgets, given from what they are."""
    key = "application/vnd.jupyter.widget-state+json"
    states = notebook.metadata.get("widgets", {}).get(key, {}).get("state", {})
    outputs = [cell.get("outputs", []) for cell in notebook.cells]
    text = json.dumps([coalesced(o) for o in outputs], sort_keys=True)
    blank = lambda value: re.sub(r"[0-9a-f]{32}", "ID", json.dumps(value, sort_keys=True))
    order = re.findall(r"[0-9a-f]{32}", text)
    order += sorted((id for id in states if id not in order), key=lambda id: blank(states[id]))
    for id in order:  # grows: what they refer to comes in the order of their members
        if id in states:
            order += [other for other in re.findall(r"[0-9a-f]{32}", json.dumps(
                states[id], sort_keys=True)) if other not in order]
    names = {id: f"widget-{n}" for n, id in enumerate(dict.fromkeys(order))}
    name = lambda match: names[match[0]]
    widgets = re.sub(r"[0-9a-f]{32}", name, json.dumps(states, sort_keys=True))
    cells = [json.loads(re.sub(r"[0-9a-f]{32}", lambda m: names.get(m[0], m[0]), json.dumps(
        coalesced(o)))) for o in outputs]
    return json.loads(widgets), cells


class EqualToNbclient(celldeck.CelldeckTest):
    def check(self, paths, limit_s):
        """Runs all of them in one go, as a person would, and each with nbclient."""
        self.celldeck("run", *paths, "--allow-errors", "--timeout", limit_s,
                      "--output", f"{self.folder}/done/", code=self.expected)
        for path in paths:
            with self.subTest(path.name):
                given = nbformat.read(path, as_version=4)
                theirs = nbformat.read(path, as_version=4)
                nbclient.NotebookClient(
                    theirs, timeout=limit_s, interrupt_on_timeout=True, allow_errors=True,
                    resources={"metadata": {"path": str(path.parent)}},
                ).execute()
                ours = nbformat.read(self.folder / "done" / path.name, as_version=4)
                nbformat.validate(ours)
                self.assertEqual(len(ours.cells), len(theirs.cells))
                widgets, mine_named = named_widgets(ours)
                theirs_widgets, theirs_named = named_widgets(theirs)
                self.assertEqual(normalised(widgets), normalised(theirs_widgets))
                self.assertEqual("widgets" in ours.metadata, "widgets" in theirs.metadata)
                if "language_info" not in given.metadata:
                    self.assertEqual(ours.metadata.get("language_info"),
                                     theirs.metadata.get("language_info"))
                for number, cell in enumerate(given.cells):
                    mine, other = ours.cells[number], theirs.cells[number]
                    self.assertEqual(mine.source, cell.source)
                    self.assertEqual(mine.metadata, cell.metadata)
                    if cell.cell_type != "code":
                        continue
                    self.assertEqual(normalised(mine_named[number]),
                                     normalised(theirs_named[number]),
                                     f"outputs of cell {number}")
                    if mine.execution_count is not None or other.source.strip():
                        self.assertEqual(mine.execution_count, other.execution_count)

    def test_samples_of_others(self):
        self.expected = TIMED_OUT
        self.check(sorted((SAMPLES / "run").glob("*.ipynb")), SAMPLE_LIMIT_S)

    def test_samples_of_our_own(self):
        self.expected = celldeck.DONE
        self.check(sorted((SAMPLES / "outputs").glob("*.ipynb")), celldeck.LIMIT_S)

    def test_every_kind_of_output(self):
        self.expected = celldeck.DONE
        path = self.write("kinds.ipynb", celldeck.notebook(
            "import sys\nprint('out')\nprint('err', file=sys.stderr)\nprint('out again')",
            "from IPython.display import *\ndisplay(HTML('<b>bold</b>'), Markdown('*m*'))",
            "display({'application/json': {'a': [1, 2]}, 'text/plain': 'j'}, raw=True)",
            "Latex('$x$')",
            "h = display('first', display_id='one')",
            "update_display('second', display_id='one'); display('third', display_id='one')",
            "import time\nfor i in range(3):\n    clear_output(wait=True)\n    print(i)",
            "print('gone'); clear_output(); print('stays')",
            "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2, 3]); plt.show()",
            "def f():\n    return 1 / 0\nf()",
            "raise KeyboardInterrupt('by hand')",
            "print('é ü 漢 🙂', end='')",
            "print('bar: 10%\\rbar: 20%')",
            "for i in range(2000): print(i)",
            "get_ipython().set_next_input('x = 1')",
            "len?",
            "class D:\n    def _repr_mimebundle_(self, include=None, exclude=None):\n"
            "        return {'text/plain': 'd', 'image/svg+xml': '<svg/>'}, {'m': 1}\nD()",
            "None",
            "1; 2",
            "%%capture c\nprint('hidden')",
            "c.stdout",
        ))
        self.check([path], celldeck.LIMIT_S)


if __name__ == "__main__":
    celldeck.main()
