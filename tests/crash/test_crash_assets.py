"""The engine killed while it puts big outputs into files, and at each step of a sweep.

Each kill is of a copy of the same data and the same files; the points are in points.py.
"""

import os
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
FINAL = {"completed", "failed", "interrupted", "cancelled", "timeout"}


def lines(cell):
    return "".join(f"{cell} {i}\n" for i in range(1, 101))


class Assets(celldeck.CelldeckTest):
    def setUp(self):
        super().setUp()
        self.chance = random.Random(SEED)
        self.folder_of_assets = self.work / "assets"
        print(f"SEED={SEED} KILLS={points.KILLS}", flush=True)
        self.write("a.ipynb", notebook(*(
            f"for i in range(1, 101): print({cell}, i)" for cell in range(5))))

    def start(self, crash_at=None):
        environment = dict(self.environment)
        if crash_at:
            environment["CELLDECK_CRASH_AT"] = crash_at
        server = celldeck.Server(environment, self.work, ["serve"], subprocess.DEVNULL)
        self.addCleanup(server.kill)
        return server

    def dies(self, crash_at, work):
        """Whether the engine has died at that point while it did its work."""
        server = self.start(crash_at)
        try:
            work(server)
        except clients.GONE:
            self.assertEqual(server.process.wait(), -signal.SIGKILL)
            return True
        server.kill()
        return False

    def sql(self, *statements):
        database = sqlite3.connect(self.data / "sessions" / "state.db")
        for statement in statements:
            rows = database.execute(statement).fetchall()
        database.commit()
        database.close()
        return rows

    def keep(self):
        """What every kill begins with."""
        for name, folder in (("data", self.data), ("work", self.work)):
            shutil.rmtree(self.folder / f"kept-{name}", ignore_errors=True)
            shutil.copytree(folder, self.folder / f"kept-{name}")

    def put_back(self):
        for name, folder in (("data", self.data), ("work", self.work)):
            shutil.rmtree(folder)
            shutil.copytree(self.folder / f"kept-{name}", folder)

    def drive(self, point, latest, work, check):
        for _ in range(points.scaled(points.MAINTENANCE[point])):
            n = self.chance.randint(1, latest)
            self.put_back()
            self.assertTrue(self.dies(f"{point}:{n}", work), f"{point}:{n} is not reached")
            check()
        print(f"{points.scaled(points.MAINTENANCE[point]):5}  {point}", flush=True)

    def run_cell(self, server, index):
        task = server.call("run_cell_async", notebook_path="a.ipynb", index=index)["task_id"]
        return server.call("wait_for_task", task_id=task, timeout_s=celldeck.LIMIT_S / 2)

    def in_place(self):
        return {path.name: path.read_text() for path in self.folder_of_assets.iterdir()
                if path.is_file() and not path.name.startswith(".")}

    def test_handing_over(self):
        server = self.start()
        self.run_cell(server, 0)
        self.assertEqual(server.end(), 0)
        self.keep()

        def check():
            # No file without its lease: nobody would ever remove it.
            leased = {path for path, in self.sql("SELECT asset_path FROM asset_leases")}
            for name in self.in_place():
                self.assertIn(str(self.folder_of_assets / name), leased)
            server = self.start()
            tasks = server.call("list_tasks")["tasks"]
            self.assertEqual(len(tasks), 2)
            for task in tasks:
                done = server.call("wait_for_task", task_id=task["task_id"], timeout_s=30)
                self.assertIn(done["status"], FINAL)
                for output in done["outputs"]:
                    for asset in output.get("assets", []):
                        # Whatever is named is there, and whole.
                        self.assertEqual(self.in_place()[asset["asset"]].count("\n"), 100)
            self.assertEqual(server.end(), 0)

        for point in ("asset.leased", "asset.written"):
            self.drive(point, 1, lambda server: self.run_cell(server, 1), check)

    def test_sweep(self):
        server = self.start()
        assets = [self.run_cell(server, cell)["outputs"][0]["assets"][0]["asset"]
                  for cell in range(5)]
        self.assertEqual(server.end(), 0)
        mine = self.folder_of_assets / "photo.png"
        mine.write_text("mine")
        self.write("b.ipynb", notebook(f"# assets/{assets[0]}"))
        self.sql("UPDATE lease SET expires = 0")
        self.keep()

        def sweep(server):
            server.call("prune_unused_assets", notebook_path="a.ipynb")

        def check(named=(0,)):
            server = self.start()
            sweep(server)
            expected = {assets[cell]: lines(cell) for cell in named} | {mine.name: "mine"}
            self.assertEqual(self.in_place(), expected)
            self.assertEqual(server.end(), 0)
            # In the end nothing is left of the others, neither file nor row.
            self.sql("UPDATE asset SET trashed = 0 WHERE trashed IS NOT NULL")
            server = self.start()
            sweep(server)
            self.assertEqual(self.in_place(), expected)
            trash = self.folder_of_assets / ".trash"
            self.assertEqual(list(trash.iterdir()) if trash.exists() else [], [])
            self.assertEqual(self.sql("SELECT path FROM asset ORDER BY path"),
                             sorted((str(self.folder_of_assets / assets[cell]),)
                                    for cell in named))
            self.assertEqual(server.end(), 0)

        self.drive("sweep.moved", 4, sweep, check)
        self.drive("sweep.marked", 4, sweep, check)
        # Four are in the trash, and a notebook has come to name one of them.
        self.put_back()
        server = self.start()
        sweep(server)
        self.assertEqual(server.end(), 0)
        self.write("c.ipynb", notebook(f"# assets/{assets[1]}"))
        self.sql("UPDATE asset SET trashed = 0 WHERE trashed IS NOT NULL")
        self.keep()
        for point, latest in (("sweep.renewed", 1), ("sweep.restored", 1), ("sweep.deleted", 3)):
            self.drive(point, latest, sweep, lambda: check(named=(0, 1)))


if __name__ == "__main__":
    celldeck.main()
