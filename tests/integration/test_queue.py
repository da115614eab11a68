"""The queue as a client sees it: limits, ids of its own, orders, and ends that stay."""

import contextlib
import os
import signal
import sqlite3

import celldeck
from celldeck import ToolError, notebook, text_of, until

LIMIT_S = 60
MOST_IN_A_NOTEBOOK = 1_000


class Queue(celldeck.CelldeckTest):
    def setUp(self):
        super().setUp()
        self.write("a.ipynb", notebook("print('a')", "print('b')", "print('c')"))
        self.gate = self.work / "gate"
        os.mkfifo(self.gate)

    def submit(self, server, index=0, **more):
        return server.call("run_cell_async", **{"notebook_path": "a.ipynb", "index": index, **more})

    def wait(self, server, task):
        return server.call("wait_for_task", task_id=task, timeout_s=LIMIT_S)

    def refused(self, code, call):
        with self.assertRaises(ToolError) as refusal:
            call()
        self.assertEqual(refusal.exception.code, code)
        return refusal.exception

    def rows(self, status):
        with contextlib.closing(sqlite3.connect(self.data / "sessions" / "state.db")) as database:
            return database.execute("SELECT count(*) FROM execution_queue WHERE status = ?",
                                    (status,)).fetchone()[0]

    def waiting_at_the_gate(self, server):
        return self.submit(server, code_override=f"open({str(self.gate)!r}).read()")["task_id"]

    def test_a_kernel_that_dies_idle_takes_the_state_along(self):
        self.write("a.ipynb", notebook("n = 1", "print('n' in dir())", "print('n' in dir())"))
        server = self.serve()
        self.wait(server, self.submit(server)["task_id"])
        [kernel] = server.call("list_kernels")["kernels"]
        os.kill(kernel["kernel"]["pid"], signal.SIGKILL)
        until("its end is noticed", lambda: not any(
            session["kernel"]["state"] != "dead" for session in server.call("list_kernels")["kernels"]))
        lost, next_one = (self.submit(server, index)["task_id"] for index in (1, 2))
        done = self.wait(server, lost)
        self.assertEqual((text_of(done["outputs"]), done["state_lost"]), ("False\n", True))
        self.assertIn("kernel had gone", self.celldeck("show", lost).stdout)
        # One that never ran a cell has nothing to lose; and a stop that was asked for is no loss.
        self.wait(server, next_one)
        server.call("stop_kernel", notebook_path="a.ipynb")
        again = self.submit(server, 1)["task_id"]
        self.assertFalse(self.wait(server, again)["state_lost"])

    def test_a_full_queue_leaves_no_row(self):
        cells = 250
        self.write("many.ipynb", notebook(*(f"{i}" for i in range(cells))))
        server = self.serve()
        server.call("pause_queue")
        for _ in range(MOST_IN_A_NOTEBOOK // cells):
            server.call("run_all_cells", notebook_path="many.ipynb")
        self.assertEqual(self.rows("pending"), MOST_IN_A_NOTEBOOK)
        for call in (lambda: server.call("run_all_cells", notebook_path="many.ipynb"),
                     lambda: self.submit(server, notebook_path="many.ipynb",
                                         task_id_override="mine")):
            refusal = self.refused("queue_full", call)
            self.assertGreater(refusal.told["retry_after_s"], 0)
        self.assertEqual(self.rows("pending"), MOST_IN_A_NOTEBOOK)
        self.refused("not_found", lambda: server.call("get_execution_status", task_id="mine"))
        # Another notebook has room, and so has this one as soon as one of its tasks has gone.
        self.submit(server)
        server.call("cancel_all", notebook_path="many.ipynb")
        self.submit(server, notebook_path="many.ipynb", task_id_override="mine")

    def test_an_id_of_the_clients_own(self):
        (self.work / "sub").mkdir()
        (self.work / "link.ipynb").symlink_to("a.ipynb")
        server = self.serve()
        server.call("pause_queue")
        first = self.submit(server, task_id_override="mine")
        self.assertEqual(first["task_id"], "mine")
        for path in ("a.ipynb", "./a.ipynb", "sub/../a.ipynb", "link.ipynb",
                     str(self.work / "a.ipynb")):
            self.assertEqual(self.submit(server, notebook_path=path, task_id_override="mine"),
                             first)
        self.write("b.ipynb", notebook("print('a')"))
        for other in ({"index": 1}, {"notebook_path": "b.ipynb"}, {"timeout_s": 5},
                      {"code_override": "print('a')"}, {"code_override": "print('x')"}):
            self.refused("conflict", lambda: self.submit(server, task_id_override="mine", **other))
        self.assertEqual(self.rows("pending"), 1)
        # The cell has an id: it is the same one when another is put before it.
        self.write("a.ipynb", notebook("print('a')"))
        cells = self.read(self.work / "a.ipynb")
        cells["cells"].insert(0, dict(cells["cells"][0], id="new", source=["1"]))
        self.write("a.ipynb", cells)
        self.assertEqual(self.submit(server, 1, task_id_override="mine")["task_id"], "mine")
        cells["metadata"]["kernelspec"]["name"] = "ir"
        self.write("a.ipynb", cells)
        self.refused("conflict", lambda: self.submit(server, 1, task_id_override="mine"))
        server.call("resume_queue")
        done = self.wait(server, "mine")
        self.assertEqual((done["status"], text_of(done["outputs"])), ("completed", "a\n"))
        self.assertEqual(self.rows("completed"), 1)

    def test_a_final_state_stays(self):
        server = self.serve()
        running = self.waiting_at_the_gate(server)
        waiting = self.submit(server)["task_id"]
        self.assertEqual(server.call("cancel_execution", task_id=waiting)["status"], "cancelled")
        self.assertEqual(server.call("cancel_execution", task_id=running)["status"], "cancelled")
        # The kernel answers the interrupt, and later cells run: nothing of it changes the two.
        done = self.wait(server, self.submit(server, 1)["task_id"])
        self.assertEqual((done["status"], text_of(done["outputs"])), ("completed", "b\n"))
        for task in (running, waiting):
            for _ in range(2):
                again = server.call("cancel_execution", task_id=task)
                self.assertEqual(again["status"], "cancelled")
        ended = server.call("cancel_execution", task_id=done["task_id"])
        self.assertEqual(ended["status"], "completed")
        self.refused("not_found",
                     lambda: server.call("move_task", task_id=running, position=0))

    def test_orders_are_kept_across_restarts(self):
        server = self.serve()
        server.call("set_stop_on_error", notebook_path="a.ipynb", enabled=True)
        server.call("pause_queue", notebook_path="a.ipynb")
        self.write("b.ipynb", notebook("print('not paused')"))
        tasks = [self.submit(server, index)["task_id"] for index in range(3)]
        bad = self.submit(server, code_override="1/0")["task_id"]
        server.call("move_task", task_id=tasks[2], position=0)
        server.call("move_task", task_id=bad, position=1)
        other = self.submit(server, notebook_path="b.ipynb")["task_id"]
        self.assertEqual(self.wait(server, other)["status"], "completed")
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()

        server = self.serve()
        still = server.call("wait_for_task", task_id=tasks[2], timeout_s=1)
        self.assertEqual((still["status"], still["timed_out"]), ("pending", True))
        server.call("resume_queue", notebook_path="a.ipynb")
        states = [self.wait(server, task)["status"] for task in (tasks[2], bad, *tasks[:2])]
        # In the order that was asked for, and stopped by the error.
        self.assertEqual(states, ["completed", "failed", "cancelled", "cancelled"])


if __name__ == "__main__":
    celldeck.main()
