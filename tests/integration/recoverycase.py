"""What the tests of recovery share: an engine that is killed while a cell waits at a gate."""

import os
import signal

import celldeck
from celldeck import notebook, text_of, until

LIMIT_S = 60


class Recovery(celldeck.CelldeckTest):
    def setUp(self):
        super().setUp()
        self.gate = self.work / "gate"
        os.mkfifo(self.gate)
        self.passed = self.work / "passed"
        self.write("a.ipynb", notebook(
            f"x = 7\nprint('before')\nopen({str(self.gate)!r}).read()\n"
            f"print('after')\nopen({str(self.passed)!r}, 'w').close()",
            "print(x)"))

    def open_gate(self):
        # Opened for reading by the cell; fails the test if nobody ever does.
        until("a reader of the gate", self.has_reader)

    def has_reader(self):
        try:
            os.close(os.open(self.gate, os.O_WRONLY | os.O_NONBLOCK))
            return True
        except OSError:
            return False

    def show(self, task):
        return celldeck.json.loads(self.celldeck("show", task, "--json").stdout)

    def begin(self):
        """A server whose first cell has printed and waits at the gate; its kernel's process."""
        server = self.serve()
        tasks = server.call("run_all_cells", notebook_path="a.ipynb")["task_ids"]
        until("the outputs so far on disk",
              lambda: text_of(self.show(tasks[0])["outputs"]) == "before\n")
        return server, tasks

    def crash(self, server):
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()

    def wait(self, server, task):
        return server.call("wait_for_task", task_id=task, timeout_s=LIMIT_S)

    def again(self, *arguments):
        """A second engine, and what it said on stderr when it was ready."""
        errors = self.folder / "errors"
        with open(errors, "w") as sink:
            server = self.serve(*arguments, errors=sink)
        return server, errors

    def until_heard(self, errors):
        """What a cell does before its kernel is heard again, nobody listens to."""
        until("the kernel is heard", lambda: "is heard again" in errors.read_text())

    def crash_while_it_waits(self, server, task):
        """Killed while that cell, which has printed, waits at the gate; the next engine."""
        until("the outputs so far on disk",
              lambda: text_of(self.show(task)["outputs"]) == "before\n")
        self.crash(server)
        server, errors = self.again()
        self.until_heard(errors)
        self.open_gate()
        return server

    def until_asked(self, server, task, question):
        until("the question", lambda: server.call(
            "get_execution_status", task_id=task)["input_request"] == question)
