"""`celldeck import`: the Python server's state.db, whole or old or damaged, beside a running engine
and without one."""

import json
import os
import shutil
import signal
import sqlite3
import uuid

import celldeck
from celldeck import DONE, FAILED, UNFIT, USAGE, notebook, text_of

LIMIT_S = 60
# CONTRACT.md section 6, as that server makes it.
SCHEMA = """
CREATE TABLE execution_queue (task_id TEXT PRIMARY KEY, notebook_path TEXT NOT NULL,
  cell_index INTEGER NOT NULL, code TEXT NOT NULL, status TEXT DEFAULT 'pending'
  CHECK(status IN ('pending', 'running', 'completed', 'failed')), created_at TIMESTAMP NOT NULL,
  started_at TIMESTAMP, completed_at TIMESTAMP, error_message TEXT, execution_count INTEGER,
  outputs_json TEXT, retries INTEGER DEFAULT 0);
CREATE TABLE asset_leases (asset_path TEXT PRIMARY KEY, notebook_path TEXT NOT NULL,
  last_seen TIMESTAMP NOT NULL, lease_expires TIMESTAMP NOT NULL, created_at TIMESTAMP NOT NULL);
CREATE INDEX idx_eq_status ON execution_queue(status);
"""
OUTPUTS = [{"output_type": "stream", "name": "stdout", "text": "ü\n"}]


class Import(celldeck.CelldeckTest):
    def setUp(self):
        super().setUp()
        self.path = self.write("a.ipynb", notebook("print(1)", "print(2)", "print(3)"))
        self.old = self.folder / "old"
        self.old.mkdir()
        self.file = self.old / "state.db"

    def make(self, rows, schema=SCHEMA):
        """A database of the Python server's; a row is a dict of columns."""
        database = sqlite3.connect(self.file)
        database.execute("PRAGMA journal_mode=WAL")
        database.executescript(schema)
        for row in rows:
            row = {"task_id": str(uuid.uuid4()), "notebook_path": str(self.path), "cell_index": 0,
                   "code": "print(1)", "created_at": "2026-01-27T10:00:00.123456+00:00", **row}
            database.execute(f"INSERT INTO execution_queue({', '.join(row)})"
                             f" VALUES({', '.join('?' * len(row))})", list(row.values()))
        database.commit()
        return database

    def imported(self, *more, code=DONE):
        return json.loads(self.celldeck("import", self.file, "--json", *more, code=code).stdout)

    def tasks(self):
        lines = self.celldeck("tasks", "--json", "--limit", "10000").stdout.splitlines()
        return {task["task_id"]: task for task in map(json.loads, lines)}

    def all_states(self):
        return [
            {"task_id": "done", "status": "completed", "execution_count": 7, "retries": 2,
             "outputs_json": json.dumps(OUTPUTS), "started_at": "2026-01-27T10:00:01.500000+00:00",
             "completed_at": "2026-01-27T10:00:02.750000+00:00"},
            {"task_id": "bad", "status": "failed", "error_message": "ValueError: x",
             "created_at": "2026-01-27T12:00:00+02:00", "completed_at": "2026-01-27T10:00:09"},
            {"task_id": "ran", "status": "running", "started_at": "2026-01-27T10:00:03"},
            {"task_id": "second", "cell_index": 1, "code": "print(2)",
             "created_at": "2026-01-27T11:00:00.000002"},
            {"task_id": "first", "cell_index": 0, "created_at": "2026-01-27 10:30:00"},
        ]

    def check_history(self):
        tasks = self.tasks()
        done = tasks["done"]
        self.assertEqual((done["status"], done["execution_count"], done["retries"]),
                         ("completed", 7, 2))
        self.assertEqual((done["created_at"], done["started_at"], done["completed_at"]),
                         ("2026-01-27T10:00:00.123Z", "2026-01-27T10:00:01.500Z",
                          "2026-01-27T10:00:02.750Z"))
        shown = json.loads(self.celldeck("show", "done", "--json").stdout)
        self.assertEqual(shown["outputs"], OUTPUTS)
        self.assertEqual(tasks["bad"]["error"], "ValueError: x")
        self.assertEqual(tasks["bad"]["created_at"], "2026-01-27T10:00:00.000Z")
        self.assertEqual(tasks["ran"]["status"], "interrupted")
        self.assertIn("it ran when", tasks["ran"]["error"])
        return tasks

    def test_without_an_engine_and_again(self):
        self.make(self.all_states()).close()
        before = self.file.read_bytes()
        report = self.imported()
        self.assertEqual((report["imported"], report["pending"], report["present"]), (5, 2, 0))
        tasks = self.check_history()
        self.assertEqual((tasks["first"]["status"], tasks["second"]["status"]),
                         ("pending", "pending"))
        again = self.imported()
        self.assertEqual((again["imported"], again["present"], again["skipped"]), (0, 5, []))
        self.assertEqual(self.file.read_bytes(), before)
        server = self.serve()
        counts = [server.call("wait_for_task", task_id=task, timeout_s=LIMIT_S)["execution_count"]
                  for task in ("first", "second")]
        self.assertEqual(counts, [1, 2])
        # Once more, beside the engine: what has run since is not run again.
        self.assertEqual(self.imported()["present"], 5)
        entries = [json.loads(line) for line in
                   self.celldeck("audit", "--action", "import", "--json").stdout.splitlines()]
        self.assertEqual([(e["actor"], e["client"], e["count"], e["object"]) for e in entries],
                         [("operator", "celldeck", 5, str(self.file))])
        self.assertEqual(server.end(), 0)  # Then all is in the notebook, too.
        self.assertEqual(text_of(self.read(self.path)["cells"][1]["outputs"]), "2\n")

    def test_beside_an_engine_with_the_log_beside_it(self):
        database = self.make(self.all_states())  # Still open: what it holds is in its -wal.
        self.assertGreater(os.path.getsize(f"{self.file}-wal"), 0)
        server = self.serve()
        report = self.imported()
        self.assertEqual((report["imported"], report["pending"]), (5, 2))
        counts = [server.call("wait_for_task", task_id=task, timeout_s=LIMIT_S)["execution_count"]
                  for task in ("first", "second")]
        self.assertEqual(counts, [1, 2])
        self.check_history()
        database.close()

    def test_many_rows_and_an_interruption(self):
        rows = [{"task_id": f"t{i}", "status": "completed", "completed_at": "2026-01-27T10:00:05",
                 "created_at": f"2026-01-27T10:00:{i % 60:02}.000{i:03}"} for i in range(900)]
        self.make(rows).close()
        # The file breaks off in the middle: whole batches are there, and the next try has the rest.
        whole = self.file.read_bytes()
        pages = bytearray(whole)
        pages[len(pages) // 2:] = b"\x55" * (len(pages) - len(pages) // 2)
        self.file.write_bytes(bytes(pages))
        ended = self.celldeck("import", self.file, "--json", code=UNFIT)
        self.assertEqual(len(ended.stderr.splitlines()), 1, ended.stderr)
        self.assertIn("cannot be read", ended.stderr)
        self.file.write_bytes(whole)
        report = self.imported()
        self.assertEqual(report["imported"] + report["present"], 900)
        self.assertEqual(len(self.tasks()), 900)
        self.assertIn("is sound", self.celldeck("check").stdout)

    def test_an_older_schema_and_odd_rows(self):
        self.make([{"task_id": "a", "status": "completed"},
                   {"task_id": "b", "status": "lost"},
                   {"task_id": "c", "created_at": "soon"},
                   {"task_id": "d", "notebook_path": ""},
                   {"task_id": "e", "status": None, "notebook_path": "gone.ipynb"}],
                  "CREATE TABLE execution_queue(task_id TEXT PRIMARY KEY, notebook_path TEXT, code,"
                  " cell_index, status TEXT, created_at, worker TEXT)").close()
        report = self.imported("--workspace", self.work)
        self.assertEqual((report["imported"], report["pending"]), (2, 1))
        self.assertEqual({s["task_id"]: s["why"].split(" is ")[0] for s in report["skipped"]},
                         {"b": "its status", "c": "its created_at", "d": "it has no notebook_path"})
        self.assertEqual(self.tasks()["e"]["notebook_path"], str(self.work / "gone.ipynb"))
        # Its notebook is not there: that is what it says when its turn comes.
        server = self.serve()
        ended = server.call("wait_for_task", task_id="e", timeout_s=LIMIT_S)
        self.assertEqual(ended["status"], "failed")
        self.assertIn("gone.ipynb", ended["error"])

    def test_other_content_under_the_same_id(self):
        server = self.serve()
        server.call("run_cell_async", notebook_path="a.ipynb", index=2, task_id_override="mine")
        self.make([{"task_id": "mine", "code": "print('other')"}]).close()
        report = self.imported()
        self.assertEqual(report["imported"], 0)
        self.assertIn("other content", report["skipped"][0]["why"])
        outside = str(self.folder / "outside.ipynb")
        sqlite = sqlite3.connect(self.file)
        sqlite.execute("UPDATE execution_queue SET task_id = 'away', notebook_path = ?", [outside])
        sqlite.commit()
        sqlite.close()
        self.assertIn("outside of the workspace", self.imported()["skipped"][0]["why"])

    def test_read_only(self):
        self.make(self.all_states()).close()
        os.chmod(self.file, 0o400)
        os.chmod(self.old, 0o500)
        self.addCleanup(os.chmod, self.old, 0o700)
        self.assertEqual(self.imported()["imported"], 5)

    def test_bad_files(self):
        def refused(*words):
            ended = self.celldeck("import", self.file, code=UNFIT)
            self.assertEqual((len(ended.stderr.splitlines()), ended.stdout), (1, ""), ended)
            for word in words:
                self.assertIn(word, ended.stderr)

        refused("is not there")
        self.file.write_bytes(b"no database " * 1000)
        refused("cannot be read")
        self.file.write_bytes(b"")
        refused("not the Python server's")
        self.file.unlink()
        sqlite3.connect(self.file).execute("CREATE TABLE execution_queue(x)").connection.close()
        refused("no task_id")
        server = self.serve()
        self.assertEqual(server.end(), 0)
        self.file.unlink()
        shutil.copy(self.data / "sessions" / "state.db", self.file)
        refused("Celldeck's own")
        self.celldeck("import", code=USAGE)

    def test_the_folder_of_the_python_server(self):
        """MCP_DATA_DIR is honoured, also where the Python server's database lies in it."""
        self.data.mkdir()
        (self.data / "sessions").mkdir()
        self.file = self.data / "sessions" / "state.db"
        self.make(self.all_states()).close()
        before = self.file.read_bytes()
        del self.environment["CELLDECK_DATA_DIR"]
        ended = self.celldeck("serve", "--port", "0", code=UNFIT, **{"MCP_DATA_DIR": str(self.data)})
        self.assertIn("celldeck import", ended.stderr)
        self.assertEqual(self.file.read_bytes(), before)
        moved = self.old / "state.db"
        self.file.rename(moved)
        self.environment["MCP_DATA_DIR"] = str(self.data)
        self.file = moved
        self.assertEqual(self.imported()["imported"], 5)
        self.assertTrue((self.data / "sessions" / "state.db").exists())
        self.assertEqual(len(self.tasks()), 5)


if __name__ == "__main__":
    celldeck.main()
