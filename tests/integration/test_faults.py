"""The disk refuses: full, read-only, broken, or its fsync fails. What was acknowledged stays, what
cannot be stored is refused, and it goes on by itself once the disk does."""

import os
import pathlib
import signal
import sqlite3

import celldeck
from celldeck import notebook, text_of

SHIM = os.environ["FAULTY_IO"]
LIMIT_S = 60


class Faults(celldeck.CelldeckTest):
    def setUp(self):
        super().setUp()
        self.switch = self.folder / "switch"
        self.switch.write_text("")
        self.environment["LD_PRELOAD"] = SHIM
        self.environment["FAULTY_PATH"] = "/sessions/state.db"
        self.environment["FAULTY_SWITCH"] = str(self.switch)
        self.write("a.ipynb", notebook("print('ran')"))

    def submit(self, server, **more):
        return server.call("run_cell_async", notebook_path="a.ipynb", index=0, **more)["task_id"]

    def fault(self, word):
        server = self.serve()
        server.call("pause_queue")
        before = [self.submit(server) for _ in range(3)]
        self.switch.write_text(word)
        for number in range(3):
            with self.assertRaises(celldeck.ToolError) as refused:
                self.submit(server, task_id_override=f"refused-{number}")
            self.assertEqual(refused.exception.code, "storage_unavailable")
        self.switch.write_text("")
        after = [self.submit(server) for _ in range(3)]
        server.call("resume_queue")
        for task in before + after:
            done = server.call("wait_for_task", task_id=task, timeout_s=LIMIT_S)
            self.assertEqual((done["status"], text_of(done["outputs"])), ("completed", "ran\n"))
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        self.environment.pop("LD_PRELOAD")
        with sqlite3.connect(self.data / "sessions" / "state.db") as database:
            rows = dict(database.execute("SELECT task_id, status FROM execution_queue"))
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchone(), ("ok",))
        database.close()
        self.assertEqual(rows, dict.fromkeys(before + after, "completed"))

    def test_full(self):
        self.fault("full")

    def test_read_only(self):
        self.fault("ro")

    def test_fsync_fails(self):
        self.fault("sync")

    def test_io_errors(self):
        self.fault("io")

    def test_a_running_cell_outlives_a_full_disk(self):
        gate = self.work / "gate"
        os.mkfifo(gate)
        self.write("b.ipynb", notebook(f"open({str(gate)!r}).read()\nprint('through')"))
        server = self.serve()
        task = server.call("run_cell_async", notebook_path="b.ipynb", index=0)["task_id"]
        with open(gate, "w"):
            self.switch.write_text("full")
        still = server.call("wait_for_task", task_id=task, timeout_s=2)
        self.assertEqual((still["status"], still["timed_out"]), ("running", True))
        self.switch.write_text("")
        done = server.call("wait_for_task", task_id=task, timeout_s=LIMIT_S)
        self.assertEqual((done["status"], text_of(done["outputs"])), ("completed", "through\n"))


if __name__ == "__main__":
    celldeck.main()
