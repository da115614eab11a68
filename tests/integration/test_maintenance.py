"""cancel, replay, cleanup, backup, restore, check: beside a running engine and without one."""

import contextlib
import json
import os
import pathlib
import signal
import sqlite3
import time

import celldeck
from celldeck import DONE, FAILED, UNFIT, USAGE, ToolError, notebook, text_of

LIMIT_S = 60


class Maintenance(celldeck.CelldeckTest):
    def setUp(self):
        super().setUp()
        self.write("a.ipynb", notebook("print('ran')", "print('again')"))

    def ran(self, server, index=0):
        task = server.call("run_cell_async", notebook_path="a.ipynb", index=index)["task_id"]
        done = server.call("wait_for_task", task_id=task, timeout_s=LIMIT_S)
        self.assertEqual(done["status"], "completed")
        return task

    def states(self):
        lines = self.celldeck("tasks", "--json").stdout.splitlines()
        return {task["task_id"]: task["status"] for task in map(json.loads, lines)}

    def test_cancel_and_replay_beside_an_engine(self):
        server = self.serve()
        first = self.ran(server)
        server.call("pause_queue")
        waits = server.call("run_cell_async", notebook_path="a.ipynb", index=1)["task_id"]
        self.assertEqual(self.celldeck("cancel", waits).stdout, f"{waits}  cancelled\n")
        again = json.loads(self.celldeck("replay", first, "--json").stdout)
        self.assertEqual((again["replay_of"], again["status"]), (first, "pending"))
        server.call("resume_queue")
        done = server.call("wait_for_task", task_id=again["task_id"], timeout_s=LIMIT_S)
        self.assertEqual(text_of(done["outputs"]), "ran\n")
        self.assertIn("no task", self.celldeck("cancel", "nothing", code=FAILED).stderr)
        # One that is not there does not keep the others from being cancelled.
        self.assertIn("completed", self.celldeck("cancel", "nothing", first, code=FAILED).stdout)

    def test_cancel_and_replay_without_an_engine(self):
        server = self.serve()
        first = self.ran(server)
        server.call("pause_queue")
        waits = server.call("run_cell_async", notebook_path="a.ipynb", index=1)["task_id"]
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        self.assertEqual(self.celldeck("cancel", waits).stdout, f"{waits}  cancelled\n")
        again = self.celldeck("replay", first).stdout.split()[0]
        self.celldeck("replay", again, code=FAILED)  # It has not ended.
        self.assertEqual(self.states(), {first: "completed", waits: "cancelled", again: "pending"})
        server = self.serve()
        server.call("resume_queue")
        done = server.call("wait_for_task", task_id=again, timeout_s=LIMIT_S)
        self.assertEqual((done["status"], done["replay_of"]), ("completed", first))

    def test_cleanup(self):
        server = self.serve()
        self.ran(server)
        self.assertIn("0 tasks would be removed", self.celldeck("cleanup", "--dry-run").stdout)
        preview = self.celldeck("cleanup", "--age-hours", "0", "--dry-run", "--json").stdout
        self.assertEqual(json.loads(preview)["tasks"], 1)
        self.assertEqual(len(self.states()), 1)
        self.assertIn("1 tasks removed", self.celldeck("cleanup", "--age-hours", "0").stdout)
        self.assertEqual(self.states_or_none(), {})
        self.ran(server, 1)
        self.assertEqual(server.end(), 0)
        self.assertIn("1 tasks removed", self.celldeck("cleanup", "--age-hours", "0").stdout)
        self.celldeck("cleanup", "--age-hours", "soon", code=USAGE)

    def test_over_its_size_the_oldest_go(self):
        server = self.serve()
        kept = self.ran(server)
        self.assertEqual(server.end(), 0)
        older = 300
        with contextlib.closing(sqlite3.connect(self.data / "sessions" / "state.db")) as database:
            database.executescript(f"""
                BEGIN;
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {older})
                INSERT INTO output(id, value) SELECT 1000 + i, zeroblob(10000) FROM n;
                INSERT INTO task(id, state, cell, waited, ran, outputs)
                SELECT t.id - 32768 * (2000 - o.id), 2, t.cell, 1, 1, o.id
                FROM task t, output o WHERE o.id > 1000 AND t.outputs IS NOT o.id;
                COMMIT;""")
        server = self.serve("--max-database", "1")
        self.ran(server, 1)
        # It looks when nothing comes any more.
        end = time.monotonic() + LIMIT_S
        while (left := self.completed()) > 150 and time.monotonic() < end:
            pass
        self.assertLessEqual(left, 150)
        self.assertGreater(left, 50)
        self.assertEqual(self.states()[kept], "completed")

    def completed(self):
        return json.loads(self.celldeck("stats", "--json").stdout)["completed"]

    def states_or_none(self):
        ended = self.celldeck("tasks", "--json", code=FAILED)
        return {} if ended.stdout == "" else ended.stdout

    def test_backup_and_restore(self):
        server = self.serve()
        first = self.ran(server)
        copy = self.work / "copy.db"
        self.assertIn("checked", self.celldeck("backup", copy).stdout)
        self.assertIn("there already", self.celldeck("backup", copy, code=FAILED).stderr)
        second = self.ran(server, 1)
        self.assertIn("an engine runs", self.celldeck("restore", copy, code=UNFIT).stderr)
        self.assertEqual(server.end(), 0)
        self.assertEqual(set(self.states()), {first, second})
        self.assertIn("before-restore", self.celldeck("restore", copy).stdout)
        self.assertEqual(set(self.states()), {first})
        (self.work / "bad.db").write_bytes(copy.read_bytes()[:-4096])
        self.celldeck("restore", "bad.db", code=UNFIT)
        self.assertEqual(set(self.states()), {first})
        self.assertIn("ran", self.celldeck("show", first).stdout)

    def test_backup_by_a_client(self):
        server = self.serve()
        first = self.ran(server)
        copy = self.work / "copy.db"
        made = server.call("backup_database", path="copy.db")
        self.assertEqual(made, {"path": str(copy), "bytes": copy.stat().st_size})
        before = copy.read_bytes()
        outside = self.folder / "copy.db"
        (self.work / "way-out").symlink_to(self.folder)
        (self.work / "dangling.db").symlink_to(outside)
        for path, code in (("copy.db", "conflict"), ("dangling.db", "conflict"),
                           (str(outside), "outside_workspace"), ("../x.db", "outside_workspace"),
                           ("way-out/copy.db", "outside_workspace"),
                           (str(self.data / "sessions" / "x.db"), "outside_workspace"),
                           ("missing/copy.db", "outside_workspace")):
            with self.assertRaises(ToolError) as refusal:
                server.call("backup_database", path=path)
            self.assertEqual(refusal.exception.code, code, path)
        self.assertEqual((copy.read_bytes(), outside.exists()), (before, False))
        own = pathlib.Path(server.call("backup_database")["path"])
        self.assertEqual(own.parent, self.data / "backups")
        self.assertEqual(sorted(path.name for path in self.work.glob("*.part*")), [])
        self.assertEqual(server.end(), 0)
        self.celldeck("restore", own)
        self.assertEqual(set(self.states()), {first})

    def test_backup_and_restore_are_in_the_audit_log(self):
        server = self.serve()
        first = self.ran(server)
        server.call("backup_database", path="client.db")
        self.celldeck("backup", "shell.db")
        self.assertEqual(self.audited(server),
                         [("operator", "backup", str(self.work / "shell.db")),
                          ("agent", "backup", str(self.work / "client.db"))])
        self.assertEqual(server.end(), 0)
        self.celldeck("restore", "shell.db")
        self.assertEqual(set(self.states()), {first})
        # The shell's copy was made before its own entry.
        self.assertEqual(self.audited(self.serve()),
                         [("operator", "restore", str(self.work / "shell.db")),
                          ("agent", "backup", str(self.work / "client.db"))])

    def audited(self, server):
        entries = server.call("get_audit_log")["entries"]
        return [(entry["actor"], entry["action"], entry["object"]) for entry in entries
                if entry["action"] in ("backup", "restore")]

    def test_check(self):
        server = self.serve()
        self.ran(server)
        for more in ([], ["--quick"]):
            self.assertIn("is sound", self.celldeck("check", *more).stdout)
        self.assertEqual(server.end(), 0)
        file = self.data / "sessions" / "state.db"
        bytes_before = file.read_bytes()
        file.write_bytes(bytes_before[:-8192])
        self.celldeck("check", code=FAILED)
        # The next start salvages what is left, and says so.
        with open(self.folder / "errors", "w") as sink:
            server = self.serve(errors=sink)
        self.assertIn("It is kept as", (self.folder / "errors").read_text())
        kept = [path for path in file.parent.glob("*.damaged-*")
                if not path.name.endswith(("-wal", "-shm"))]
        self.assertEqual([path.read_bytes() for path in kept], [bytes_before[:-8192]])
        self.ran(server)

    def test_without_a_queue(self):
        for command in (["cancel", "x"], ["replay", "x"], ["cleanup"], ["backup", "x"], ["check"]):
            self.celldeck(*command, code=FAILED)
        for command in ("cancel", "replay", "backup", "restore"):
            self.celldeck(command, code=USAGE)


if __name__ == "__main__":
    celldeck.main()
