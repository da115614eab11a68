"""What a cell asks, and what belongs to no cell.

Each test of a row of FIELD.md section 1 says which in its text.
"""

import json
import os
import pathlib
import unittest

import celldeck
from celldeck import LIMIT_S, notebook, text_of
from kernelcase import IDLE, REPLY, Kernels, say, script


class Input(Kernels):
    def test_a_cell_asks_and_is_answered(self):
        server = self.serve()
        task = self.submit(server, "name = input('Who? ')\nprint('hello', name)")
        asked = self.wait(server, task)  # Woken by the question, and not by a limit.
        self.assertEqual((asked["status"], asked["timed_out"]), ("running", False))
        self.assertEqual(asked["input_request"], {"prompt": "Who? ", "password": False})
        server.call("submit_input", notebook_path="a.ipynb", text="Ada")
        done = self.wait(server, task)
        self.assertEqual((done["status"], text_of(done["outputs"])), ("completed", "hello Ada\n"))
        self.assertIsNone(done["input_request"])
        with self.assertRaises(celldeck.ToolError) as refused:
            server.call("submit_input", notebook_path="a.ipynb", text="again")
        self.assertEqual(refused.exception.code, "conflict")

    def test_a_password_is_nowhere(self):
        """"Secrets typed in stay in outputs and in the notebook." """
        secret = "correct-horse-battery"
        errors = open(self.folder / "errors", "w+")
        self.addCleanup(errors.close)
        self.environment["QT_LOGGING_RULES"] = "celldeck.*=true"
        server = self.serve(errors=errors)
        task = self.submit(server, "import getpass\np = getpass.getpass('Key: ')\nprint(len(p))")
        self.assertEqual(self.wait(server, task)["input_request"],
                         {"prompt": "Key: ", "password": True})
        server.call("submit_input", notebook_path="a.ipynb", text=secret)
        done = self.wait(server, task)
        self.assertEqual(text_of(done["outputs"]), f"{len(secret)}\n")
        self.assertEqual(server.end(), 0)
        for path in self.folder.rglob("*"):
            if path.is_file() and not path.is_fifo():
                self.assertNotIn(secret.encode(), path.read_bytes(), path)

    def test_where_nobody_can_answer_it_fails_at_once(self):
        path = self.write("i.ipynb", notebook("input('?')"))
        ended = self.celldeck("run", path, code=celldeck.FAILED)
        self.assertIn("StdinNotImplementedError", ended.stdout + ended.stderr)

    def test_a_kernel_that_asks_all_the_same_does_not_wait(self):
        """IRkernel asks also where it was told that nobody can answer."""
        path = self.write("r.ipynb", notebook("readline('Who? ')", kernel="ir"))
        ended = self.celldeck("run", path, code=celldeck.FAILED)
        self.assertIn("it asked for input, which nobody can give here", ended.stderr)

    def test_a_cell_that_asks_can_be_cancelled(self):
        server = self.serve()
        task = self.submit(server, "input()")
        self.assertIsNotNone(self.wait(server, task)["input_request"])
        after = self.submit(server, "print(1)")
        server.call("cancel_execution", notebook_path="a.ipynb", task_id=task)
        self.assertEqual(self.wait(server, task)["status"], "cancelled")
        self.assertEqual(self.wait(server, after)["status"], "completed")


    def test_an_interrupted_question_is_asked_no_more(self):
        """But a cell that has ignored that can be answered."""
        server = self.serve()
        gate, wait = self.gate()
        task = self.submit(server, "try:\n    input('Who? ')\nexcept KeyboardInterrupt:\n"
                                   "    print('interrupted', flush=True)\n" + wait)
        self.assertIsNotNone(self.wait(server, task)["input_request"])
        server.call("interrupt_kernel", notebook_path="a.ipynb")
        self.until_on()
        status = server.call("get_execution_status", task_id=task)
        self.assertEqual((status["status"], status["input_request"], status["may_have_asked"]),
                         ("running", None, True))
        gate.write_text("")
        self.assertEqual(self.wait(server, task)["status"], "completed")
        task = self.submit(server, "import signal\nbefore = signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
                                   "print('hello', input('Who? '))\nsignal.signal(signal.SIGINT, before)")
        self.assertIsNotNone(self.wait(server, task)["input_request"])
        server.call("interrupt_kernel", notebook_path="a.ipynb")
        server.call("submit_input", notebook_path="a.ipynb", text="Ada")
        self.assertIn("hello Ada", text_of(self.wait(server, task)["outputs"]))


class Progress(Kernels):
    def test_who_waits_is_told_what_the_cell_does(self):
        server = self.serve()
        code = ("import time\nfor i in range(100):\n"
                "    print(f'\\rstep {i}', end='', flush=True)\n    time.sleep(0.02)")
        task = self.submit(server, code)
        server.request("tools/call", name="wait_for_task", _meta={"progressToken": "mine"},
                       arguments={"task_id": task, "timeout_s": LIMIT_S})
        told = [note["params"] for note in server.notifications
                if note["method"] == "notifications/progress"]
        self.assertEqual({note["progressToken"] for note in told}, {"mine"})
        numbers = [note["progress"] for note in told]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertRegex(told[-1]["message"], r"^running: step \d+$")
        self.assertLess(len(told), 50)  # Not one for each that it printed.
        # Who has not asked for it is told nothing.
        server.notifications = ()
        self.run_code(server, code)
        self.assertEqual(list(server.notifications), [])


class Orphans(Kernels):
    def flood(self, server, **step):
        return self.run_code(server, script(say("no", **step), say("mine"), REPLY, IDLE),
                             "s.ipynb")

    def test_they_belong_to_no_cell_until_somebody_says_so(self):
        """"Orphans more than a second old are routed to the most recent other execution"; "a
        message for request 7 landed in cell 3"."""
        server = self.serve()
        first = self.run_code(server, "pass", "s.ipynb")["task_id"]
        second = self.run_code(
            server, script(say("late", parent="before"), say("mine"), REPLY, IDLE), "s.ipynb")
        self.assertEqual(text_of(second["outputs"]), "mine")
        orphans = server.call("list_orphans")
        [ring] = orphans["rings"]
        self.assertEqual((ring["messages"], orphans["dropped"]), (1, 0))
        named = {"notebook_path": "s.ipynb", "parent_id": ring["parent_id"]}
        self.assertEqual(text_of(server.call("read_orphans", **named)["outputs"]), "late")
        listed = self.celldeck("orphans").stdout
        self.assertIn(ring["parent_id"], listed)
        as_json = [json.loads(line) for line in
                   self.celldeck("orphans", "--json").stdout.splitlines()]
        self.assertEqual(as_json[0]["messages"], 1)
        server.call("adopt_orphans", **named, task_id=first)
        with self.assertRaises(celldeck.ToolError):
            server.call("read_orphans", **named)
        self.assertEqual(server.end(), 0)
        # Shown with the task, after a restart too, whose own record is as it was.
        server = self.serve()
        task = server.call("get_execution_status", task_id=first)
        self.assertEqual(task["outputs"], [])
        self.assertEqual(text_of(task["adopted"][0]["outputs"]), "late")
        self.assertIn("late", self.celldeck("show", first).stdout)

    def test_a_flood_of_parents_leaves_memory_flat(self):
        """"Parent ids unbounded; no drop counter." """
        self.measure_memory()
        server = self.serve()

        def resident():
            pages = pathlib.Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
            return int(pages) * os.sysconf("SC_PAGESIZE")

        self.flood(server, parent="warm #", count=20_000)
        before = resident()
        done = self.flood(server, parent="unknown #", count=100_000)
        self.assertEqual(text_of(done["outputs"]), "mine")
        celldeck.until("memory is as it was", lambda: resident() - before <
                       celldeck.MEMORY_FACTOR * 20 * 1024 * 1024)
        orphans = server.call("list_orphans")
        self.assertEqual(orphans["messages"], 1_024)
        self.assertEqual(orphans["dropped"], 120_000 - 1_024)
        self.assertEqual(orphans["dropped_by_notebook"],
                         {str(self.work / "s.ipynb"): orphans["dropped"]})
        ring = orphans["rings"][0]
        server.call("discard_orphans", notebook_path="s.ipynb", parent_id=ring["parent_id"])
        self.assertEqual(server.call("list_orphans")["messages"], 1_023)

    def test_a_ring_keeps_the_last_thousand(self):
        server = self.serve()
        self.flood(server, parent="one", count=1_500)
        [ring] = server.call("list_orphans")["rings"]
        self.assertEqual((ring["messages"], ring["dropped"]), (1_000, 500))


if __name__ == "__main__":
    celldeck.main()
