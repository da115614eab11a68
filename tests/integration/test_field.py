"""FIELD.md section 1: what another server with the same promises broke, row by row, as far as the
queue and its record go. Rows that another test shows already, by name:

1, 2   "0 of 11 went on"          test_serve.test_killed_with_tasks_pending; also below
3      disk full, read-only       test_faults
4      a full queue, no row left  tst_taskstore limitsLeaveNoRow
14     retention                  tst_taskcleaner, test_maintenance.test_cleanup
15     a recycled pid is refused  test_recovery.test_another_process_with_its_pid_is_not_its_kernel
       online backup              test_maintenance.test_backup_and_restore
       100,000 tasks in 5 MB      tst_taskstore aHundredThousandTasksAreSmall
       `1/0` is failed            test_recovery.test_stop_on_error; the cell after it, below
       cancel a queued task       test_recovery.test_cancel_all_and_replay, test_audit

Rows of kernels, outputs, assets and sockets (8-13 and the rest) belong to the tests of those.
"""

import json
import os
import signal
import sqlite3
import time

import celldeck
from celldeck import notebook, text_of

LIMIT_S = 60


class Field(celldeck.CelldeckTest):
    def setUp(self):
        super().setUp()
        self.path = self.write("a.ipynb", notebook("print('ü', 1)\nprint(2)", "1/0", "print(3)"))

    def submit(self, server, index=0, path="a.ipynb", **more):
        return server.call("run_cell_async", notebook_path=path, index=index, **more)["task_id"]

    def wait(self, server, task):
        return server.call("wait_for_task", task_id=task, timeout_s=LIMIT_S)

    def kill(self, server):
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()

    def sql(self, statement):
        with sqlite3.connect(self.data / "sessions" / "state.db") as database:
            return database.execute(statement).fetchall()

    def test_row_2_killed_during_a_run_it_ends_honestly(self):
        """Row 2: a row that ran at the crash stays so for ever, and no state is there for it."""
        server = self.serve()
        gate = self.work / "gate"
        os.mkfifo(gate)
        task = self.submit(server, code_override=f"print('so far')\nopen({str(gate)!r}).read()")
        with open(gate, "w"):  # Opens when the cell does.
            self.kill(server)
            self.end_kernels()
            server = self.serve()
        ended = self.wait(server, task)
        self.assertEqual(ended["status"], "interrupted")
        self.assertIn("while it ran", ended["error"])
        self.assertEqual(self.sql("SELECT count(*) FROM execution_queue"
                                  " WHERE status IN ('running', 'pending')"), [(0,)])

    def test_row_5_outputs_are_the_same_after_a_reload(self):
        """Row 5: completion is recorded with no outputs, so there is nothing to give back."""
        server = self.serve()
        task = self.submit(server)
        self.assertEqual(self.wait(server, task)["status"], "completed")
        query = f"SELECT outputs_json FROM execution_queue WHERE task_id = '{task}'"
        before, seen = self.sql(query), self.wait(server, task)["outputs"]
        self.assertEqual(text_of(seen), "ü 1\n2\n")
        self.kill(server)
        server = self.serve()
        self.assertEqual(self.sql(query), before)
        self.assertEqual(self.wait(server, task)["outputs"], seen)
        self.assertEqual(json.loads(self.celldeck("show", task, "--json").stdout)["outputs"], seen)

    def test_row_6_the_history_has_what_failed(self):
        """Row 6: the history's query names a column that is not there, and gives an empty list."""
        server = self.serve()
        task = self.submit(server, 1)
        self.assertEqual(self.wait(server, task)["status"], "failed")
        listed = server.call("list_tasks", filter={"status": ["failed"]})["tasks"]
        self.assertEqual([(t["task_id"], t["error"]) for t in listed],
                         [(task, "ZeroDivisionError: division by zero")])
        self.assertIn(task, self.celldeck("tasks", "--state", "failed").stdout)
        self.assertIn("ZeroDivisionError", self.celldeck("show", task).stdout)

    def test_row_7_one_notebook_however_its_path_is_written(self):
        """Row 7: rows are stored under the caller's path and looked for under the resolved one."""
        (self.work / "sub").mkdir()
        (self.work / "link.ipynb").symlink_to(self.path)
        (self.work / "way").symlink_to(self.work)
        server = self.serve()
        ways = ["a.ipynb", "./a.ipynb", "sub/../a.ipynb", str(self.path), "link.ipynb",
                "way/a.ipynb", str(self.work / "sub" / ".." / "a.ipynb")]
        tasks = [self.submit(server, path=way) for way in ways]
        counts = [self.wait(server, task)["execution_count"] for task in tasks]
        self.assertEqual(counts, list(range(1, len(ways) + 1)))  # One kernel, in their order.
        self.assertEqual(self.sql("SELECT DISTINCT notebook_path FROM execution_queue"),
                         [(str(self.path),)])
        for way in ways:
            listed = server.call("list_tasks", filter={"notebook_path": way})["tasks"]
            self.assertEqual(len(listed), len(ways), way)
            lines = self.celldeck("tasks", "--notebook", way).stdout.splitlines()
            self.assertEqual(len(lines), len(ways), way)

    def test_row_12_no_message_is_recorded_for_another_task(self):
        """Row 12: what nobody is there for goes to the most recent other execution."""
        self.add_scripted_kernel()

        def says(text, parent):
            return {"send": "stream", "parent": parent, "content": {"name": "stdout", "text": text}}

        second = [{"busy": 1}, says("late\n", "before"), says("nobody's\n", "none"),
                  says("a stranger's\n", "no-such-request"), says("own\n", "self"), {"reply": {}},
                  {"idle": 1}]
        self.write("s.ipynb", notebook("first", json.dumps(second), kernel="scripted"))
        server = self.serve()
        tasks = server.call("run_all_cells", notebook_path="s.ipynb")["task_ids"]
        ended = [self.wait(server, task) for task in tasks]
        self.assertEqual([task["status"] for task in ended], ["completed", "completed"])
        self.assertEqual([text_of(task["outputs"]) for task in ended], ["", "own\n"])
        self.assertEqual(server.end(), 0)
        shown = [json.loads(self.celldeck("show", task, "--json").stdout) for task in tasks]
        self.assertEqual([text_of(task["outputs"]) for task in shown], ["", "own\n"])

    def test_submitting_again_keeps_the_completed_row(self):
        """Submitting again with a client's task id wiped the completed row."""
        server = self.serve()
        self.submit(server, task_id_override="mine")
        done = self.wait(server, "mine")
        row = self.sql("SELECT * FROM execution_queue WHERE task_id = 'mine'")
        again = server.call("run_cell_async", notebook_path="a.ipynb", index=0,
                            task_id_override="mine")
        self.assertEqual((again["task_id"], again["status"]), ("mine", "completed"))
        with self.assertRaises(celldeck.ToolError) as refused:
            self.submit(server, 2, task_id_override="mine")
        self.assertEqual(refused.exception.code, "conflict")
        self.assertEqual(self.sql("SELECT * FROM execution_queue WHERE task_id = 'mine'"), row)
        self.assertEqual(self.wait(server, "mine"), done)
        self.assertEqual(self.sql("SELECT count(*) FROM execution_queue"), [(1,)])

    def leases(self, hours):
        """Leases that end so many hours from now, as the engine would have them on disk."""
        now = int(time.time() * 1000)
        with sqlite3.connect(self.data / "sessions" / "state.db") as database:
            for number, ahead in enumerate(hours):
                database.execute("INSERT INTO asset(path, bytes) VALUES(?, 1)",
                                 [str(self.work / "assets" / f"{number}.png")])
                database.execute("INSERT INTO lease(asset, notebook, last_seen, expires, created)"
                                 " SELECT max(a.id), min(n.id), ?, ?, ? FROM asset a, notebook n",
                                 [now, now + ahead * 3_600_000, now])

    def waiting(self, count):
        server = self.serve()
        server.call("pause_queue")
        for _ in range(count):
            self.submit(server)
        self.assertEqual(server.end(), 0)

    def test_the_guides_own_monitoring_counts(self):
        """The guide's own monitoring SQL is a cross join: 8 and 8 for 4 pending and 2 leases."""
        self.waiting(4)
        self.leases([24, 24])
        stats = json.loads(self.celldeck("stats", "--json").stdout)
        self.assertEqual((stats["pending"], stats["active_leases"]), (4, 2))
        # Whoever asks the views for each gets each.
        self.assertEqual(self.sql("SELECT (SELECT count(*) FROM execution_queue"
                                  " WHERE status = 'pending'), (SELECT count(*) FROM asset_leases)"),
                         [(4, 2)])

    def test_expired_leases_are_not_counted_as_active(self):
        """The count of active leases has expired ones in it."""
        self.waiting(1)
        self.leases([24, -1, -48, 1])
        stats = json.loads(self.celldeck("stats", "--json").stdout)
        self.assertEqual(stats["active_leases"], 2)
        self.assertEqual(self.sql("SELECT count(*) FROM asset_leases"), [(4,)])
        self.assertEqual(
            self.sql("SELECT count(*) FROM asset_leases"
                     " WHERE lease_expires > strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"), [(2,)])

    def test_an_error_ends_as_failed_and_stops_its_run(self):
        """`1/0` ends as completed, so stop-on-error never acts."""
        server = self.serve()
        tasks = server.call("run_all_cells", notebook_path="a.ipynb")["task_ids"]
        ended = [self.wait(server, task) for task in tasks]
        self.assertEqual([task["status"] for task in ended], ["completed", "failed", "cancelled"])
        self.assertEqual(ended[1]["outputs"][0]["output_type"], "error")
        self.assertIn("ZeroDivisionError", "".join(ended[1]["outputs"][0]["traceback"]))


if __name__ == "__main__":
    celldeck.main()
