"""Cleanup, migration, backup, restore and salvage, killed at each of their named points.

Each kill is of a copy of the same data, and what is found behind it is compared with what was there
before. KILLS as in test_crash.py; the points are in points.py.
"""

import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess

import celldeck
import clients
import points
from celldeck import notebook

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1_000_000)))
ENDED, WAITING = 300, 20
TRIES = 8  # of a point at its n-th reaching, with smaller and smaller n

V1_ROWS = """
INSERT INTO notebook(id, path) VALUES(1, '/n/a.ipynb');
INSERT INTO cell(id, notebook, position, code) VALUES(7, 1, 0, 'print(1)'), (8, 1, 1, 'print(2)');
INSERT INTO task(id, state, cell, waited, ran, execution_count, error, outputs) VALUES
 (3000000000000, 2, 7, 5, 10, 1, NULL,
  CAST('[{"name":"stdout","output_type":"stream","text":"1\\n"}]' AS BLOB)),
 (3000000040000, 3, 8, 5, 10, 2, 'ValueError: x', NULL),
 (3000000080000, 4, 8, NULL, 10, NULL, 'cancelled', NULL);
INSERT INTO key(name, task) VALUES('mine', 3000000040000);
"""


def read(file, sql):
    database = sqlite3.connect(file)
    try:
        return database.execute(sql).fetchall()
    finally:
        database.close()


class Maintenance(celldeck.CelldeckTest):
    def setUp(self):
        super().setUp()
        self.chance = random.Random(SEED)
        self.file = self.data / "sessions" / "state.db"
        self.aside = self.folder / "template"
        self.tried = 0
        print(f"SEED={SEED} KILLS={points.KILLS}", flush=True)

    # Engines and commands that die.

    def start(self, crash_at=None):
        """None: it has died on its way."""
        environment = dict(self.environment)
        if crash_at:
            environment["CELLDECK_CRASH_AT"] = crash_at
        try:
            server = celldeck.Server(environment, self.work, ["serve"], subprocess.DEVNULL)
        except celldeck.NoAddress as died:
            self.assertEqual((died.code, bool(crash_at)), (-signal.SIGKILL, True), str(died))
            return None
        self.addCleanup(server.kill)
        return server

    def kill(self, server):
        server.kill()

    def dies(self, crash_at, *arguments):
        """Whether a command has died at that point."""
        ended = subprocess.run([celldeck.PROGRAM, *map(str, arguments)], cwd=self.work,
                               env=dict(self.environment, CELLDECK_CRASH_AT=crash_at),
                               stdin=subprocess.DEVNULL, capture_output=True, text=True,
                               timeout=celldeck.LIMIT_S)
        self.assertIn(ended.returncode, (0, -signal.SIGKILL), ended.stderr)
        return ended.returncode != 0

    def drive(self, point, latest, dies, check):
        """Kills at that point as often as points.py says; `dies` tells whether it was reached."""
        for _ in range(points.scaled(points.MAINTENANCE[point])):
            n = self.chance.randint(1, latest)
            for _ in range(TRIES):
                self.restore_data()
                if dies(f"{point}:{n}"):
                    break
                self.assertGreater(n, 1, f"{point} is not reached")
                n = self.chance.randint(1, n - 1)
            self.tried += 1
            check(point)
        print(f"{points.scaled(points.MAINTENANCE[point]):5}  {point}", flush=True)

    # The data.

    def keep_data(self):
        shutil.rmtree(self.aside, ignore_errors=True)
        shutil.copytree(self.data, self.aside)

    def restore_data(self):
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self.aside, self.data)

    def fill(self):
        """Tasks that have ended, and some that wait in a notebook that is paused; the engine was
        killed, and its log is as it was."""
        self.write("a.ipynb", notebook(*(f"print({i}, 'ü')" for i in range(ENDED))))
        self.write("b.ipynb", notebook(*(f"{i}" for i in range(WAITING))))
        server = self.start()
        server.call("pause_queue", notebook_path="b.ipynb")
        server.call("run_all_cells", notebook_path="b.ipynb")
        last = server.call("run_all_cells", notebook_path="a.ipynb")["task_ids"][-1]
        done = server.call("wait_for_task", task_id=last, timeout_s=celldeck.LIMIT_S / 2)
        self.assertEqual(done["status"], "completed")
        server.call("stop_kernel", notebook_path="a.ipynb")
        self.kill(server)
        self.keep_data()
        self.rows = self.view()
        self.assertEqual(len(self.rows), ENDED + WAITING)

    def view(self, file=None):
        """From a copy with its log, so that looking changes nothing."""
        file = file or self.file
        copy = self.folder / "look"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for part in ("", "-wal"):
            if pathlib.Path(f"{file}{part}").exists():
                shutil.copy(f"{file}{part}", copy / f"state.db{part}")
        self.assertEqual(read(copy / "state.db", "PRAGMA integrity_check"), [("ok",)])
        return sorted(read(copy / "state.db", "SELECT * FROM execution_queue"))

    # What is killed.

    def test_cleanup(self):
        self.fill()

        def dies(crash_at):
            server = self.start(crash_at)
            self.assertIsNotNone(server)
            try:
                server.call("cleanup_tasks", age_hours=0)
            except clients.GONE:
                self.assertEqual(server.process.wait(), -signal.SIGKILL)
                return True
            server.kill()
            return False

        def check(point):
            left = self.view()
            self.assertLessEqual(set(left), set(self.rows), "what is left is as it was")
            server = self.start()
            server.call("cleanup_tasks", age_hours=0)
            self.assertEqual(server.end(), 0)
            waiting = [row for row in self.rows if row[4] == "pending"]
            self.assertEqual(self.view(), waiting)
            self.celldeck("check")

        for point, latest in (("cleanup.tasks_removed", 2), ("cleanup.cells_removed", 2),
                              ("cleanup.room_given_back", 1)):
            self.drive(point, latest, dies, check)

    def test_migration(self):
        # An engine that dies behind the first step leaves a database of the first version.
        self.assertIsNone(self.start("migration.step:1"))
        self.assertEqual(read(self.file, "PRAGMA user_version"), [(1,)])
        database = sqlite3.connect(self.file)
        database.executescript(V1_ROWS)
        database.close()
        self.keep_data()
        rows = self.view()
        self.assertEqual(len(rows), 3)

        def dies(crash_at):
            server = self.start(crash_at)
            if server is None:
                return True
            self.kill(server)
            return False

        def check(point):
            self.assertEqual(self.view(), rows, "between two versions")
            server = self.start()
            self.assertIsNotNone(server)
            self.assertEqual(server.end(), 0)
            self.assertEqual(self.view(), rows)
            self.assertGreater(read(self.file, "PRAGMA user_version"), [(1,)])
            backup = f"{self.file}.v1.backup"
            self.assertEqual(read(backup, "PRAGMA user_version"), [(1,)])
            self.assertEqual(self.view(backup), rows)

        for point, latest in (("migration.copied", 1), ("migration.backed_up", 1),
                              ("migration.statement", 60), ("migration.step", 8)):
            self.drive(point, latest, dies, check)

    def test_backup(self):
        self.fill()
        target = self.work / "copy.db"

        def dies(crash_at):
            target.unlink(missing_ok=True)
            return self.dies(crash_at, "backup", target)

        def check(point):
            self.assertEqual(self.view(), self.rows)
            self.assertEqual(target.exists(), point == "backup.published")
            target.unlink(missing_ok=True)
            self.celldeck("backup", target)
            self.assertEqual(self.view(target), self.rows)

        self.drive("backup.copied", 1, dies, check)
        self.drive("backup.published", 1, dies, check)

    def test_restore(self):
        self.fill()
        backup = self.work / "copy.db"
        self.celldeck("backup", backup)
        server = self.start()
        server.call("cleanup_tasks", age_hours=0)
        self.kill(server)
        self.keep_data()
        now = self.view()
        self.assertEqual(len(now), WAITING)

        def dies(crash_at):
            return self.dies(crash_at, "restore", backup)

        def check(point):
            server = self.start()
            self.assertEqual(server.end(), 0)
            # Once it has begun, it is brought to its end.
            copied = point == "backup.copied"
            self.assertEqual(self.view(), now if copied else self.rows)
            aside = [path for path in self.file.parent.glob("state.db.before-restore-*")
                     if not path.name.endswith(("-wal", "-shm"))]
            self.assertEqual([self.view(path) for path in aside], [] if copied else [now])
            self.assertEqual(list(self.file.parent.glob("*.next-*")), [])
            self.celldeck("restore", backup)

        for point in ("backup.copied", "replacement.begun", "replacement.log_aside",
                      "replacement.old_aside", "replacement.done"):
            self.drive(point, 2 if point == "replacement.log_aside" else 1, dies, check)

    def test_salvage(self):
        self.fill()
        server = self.start()
        self.assertEqual(server.end(), 0)
        whole = self.file.read_bytes()
        self.file.write_bytes(whole[:-8192])
        self.keep_data()

        def dies(crash_at):
            server = self.start(crash_at)
            if server is None:
                return True
            self.kill(server)
            return False

        def check(point):
            server = self.start()
            self.assertEqual(server.end(), 0)
            left = self.view()
            self.assertLessEqual(set(left), set(self.rows))
            self.assertGreater(len(left), ENDED // 2)
            kept = [path.read_bytes() for path in self.file.parent.glob("state.db.damaged-*")
                    if not path.name.endswith(("-wal", "-shm"))]
            self.assertEqual(kept, [whole[:-8192]])

        for point in ("salvage.recovered", "replacement.begun", "replacement.old_aside",
                      "replacement.done"):
            self.drive(point, 1, dies, check)


if __name__ == "__main__":
    celldeck.main()
