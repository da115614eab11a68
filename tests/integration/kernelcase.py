"""What the tests of the kernel side share: notebooks of several kernels, and scripts for one that
does as it is told (support/scriptedkernel.py)."""

import json
import os
import pathlib
import time

import celldeck
from celldeck import LIMIT_S, notebook


def say(text, **more):
    return {"send": "stream", "content": {"name": "stdout", "text": text}, **more}


def script(*steps):
    return json.dumps(list(steps))


REPLY, IDLE = {"reply": {}}, {"idle": 1}


class Kernels(celldeck.CelldeckTest):
    def setUp(self):
        super().setUp()
        self.write("a.ipynb", notebook("1"))
        self.write("s.ipynb", notebook("1", kernel="scripted"))
        self.write("r.ipynb", notebook("1", kernel="ir"))
        self.add_scripted_kernel()
        self.add_scripted_kernel("scripted-message", "message")

    def submit(self, server, code, path="a.ipynb"):
        return server.call("run_cell_async", notebook_path=path, index=0,
                           code_override=code)["task_id"]

    def wait(self, server, task):
        return server.call("wait_for_task", task_id=task, timeout_s=LIMIT_S)

    def run_code(self, server, code, path="a.ipynb"):
        return self.wait(server, self.submit(server, code, path))

    def gate(self, name="gate"):
        """A cell that runs until `open_gate`, and has shown that it runs."""
        path = self.work / name
        os.mkfifo(path)
        return path, f"open({str(self.work / (name + '.on'))!r}, 'w').close()\n" \
                     f"open({str(path)!r}).close()"

    def until_on(self, name="gate"):
        on = self.work / (name + ".on")
        end = time.monotonic() + LIMIT_S
        while not on.exists():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    def lives(self, pid):
        """Whether a process is there that is more than an entry for whoever asks how it ended."""
        try:
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        except FileNotFoundError:
            return False
        return stat.rsplit(")", 1)[1].split()[0] != "Z"

    def pid(self, server, path="a.ipynb"):
        [kernel] = [k for k in server.call("list_kernels")["kernels"]
                    if k["notebook_path"] == str(self.work / path)]
        return kernel["kernel"]["pid"]
