"""Nothing acknowledged is lost, and nothing runs twice, however the engine is killed.

Eight clients submit without a pause while `celldeck serve` is ended with SIGKILL at each named
point (points.py), at random moments, and together with its kernels, and is started again. Each cell
appends its own mark to a file, so that what ran is known from outside. After each start and at the
end all that was acknowledged is looked for. KILLS (200, of this and of test_crash_maintenance.py)
and SEED come from the environment; the seed is printed. ONLY=session. drives those points alone.
"""

import collections
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

import nbformat

import celldeck
import clients
import points
from celldeck import notebook

SEED = int(os.environ.get("SEED", time.time_ns() % 1_000_000))
CLIENTS = 8
NOTEBOOKS = 4
AHEAD = 9  # requests that may have left and have no end on the disk: tasks/runahead.h
CELLS = 4  # of each notebook, whose outputs are written into its file
LONGEST_LIFE_S = 0.8  # of an engine that is killed at random, from when it listens
REACH_S = 60 * celldeck.TIME_FACTOR  # in which an engine must come to a point; for a machine that is busy
TRIES = 4  # of a point that happens not to be reached

FINAL = {"completed", "failed", "cancelled", "timeout", "interrupted"}


class Crash(celldeck.CelldeckTest):
    def setUp(self):
        super().setUp()
        self.lock, self.stop, self.gone = threading.Lock(), threading.Event(), threading.Event()
        self.server = None
        self.marks = self.folder / "marks"
        self.marks.touch()
        self.cells = CELLS
        own = [f"import time; print({i}, time.time_ns())" for i in range(CELLS)]
        self.books = [self.write(f"n{i}.ipynb", notebook("pass", *own)) for i in range(NOTEBOOKS)]
        self.states = {}  # of each task, when it was last looked at
        self.kills = collections.Counter()
        self.failures_allowed = 0
        self.held = False

    # What the clients use.

    def current(self):
        with self.lock:
            server = self.server
        if server is None:
            self.gone.wait(0.05)
            return None
        local = threading.current_thread()
        if getattr(local, "of", None) is not server:
            local.of, local.client = server, clients.Connection(server)
        return local.client

    # The engine's lives.

    def start_engine(self, *arguments, crash_at=None):
        """None: it has died on its way."""
        environment = dict(self.environment)
        if crash_at:
            environment["CELLDECK_CRASH_AT"] = crash_at
        try:
            server = celldeck.Server(environment, self.work, ["serve", *arguments],
                                     subprocess.DEVNULL)
        except celldeck.NoAddress as died:
            self.assertEqual((died.code, bool(crash_at)), (-signal.SIGKILL, True), str(died))
            return None
        self.addCleanup(server.kill)
        self.held |= "--recovery" in arguments
        if self.held:
            self.resume(server)
        with self.lock:
            self.server = server
        return server

    def resume(self, server):
        try:
            for path in self.books:
                server.call("resume_queue", notebook_path=path.name)
            self.held = False
        except clients.GONE:
            pass  # It is killed meanwhile: the next one is asked again.

    def bury(self, server):
        server.process.wait()
        server.process.stdout.close()
        with self.lock:
            self.server = None

    def kill_engine(self, server):
        server.process.send_signal(signal.SIGKILL)
        self.bury(server)

    # A task fails if its kernel does while an engine looks on, be it for the last time.

    def end_a_kernel(self):
        self.failures_allowed += 1
        # Of those that are on record: of others an engine knows nothing, and has lost nothing.
        recorded = {pid for pid, in self.rows("pid", "kernel")}
        kernels = [pid for pid in self.kernels() if pid in recorded] or self.kernels()
        for pid in self.chance.sample(kernels, min(1, len(kernels))):
            os.killpg(pid, signal.SIGKILL)

    def end_all_kernels(self):
        self.failures_allowed += NOTEBOOKS
        self.end_kernels()

    def kill_at(self, point, about):
        """Whether the engine was killed there. No engine runs before and after."""
        if "before" in about:
            getattr(self, about["before"])()
        n = self.chance.randint(1, about.get("latest", 1))
        server = self.start_engine(*about.get("serve", []), crash_at=f"{point}:{n}")
        if server is None:
            self.held |= "serve" in about  # until an engine listens that can resume them
            return True
        if point.startswith("recovery."):
            # It listens, so it has recovered: e.g. nothing was running that could be interrupted.
            self.kill_engine(server)
            self.leave_one_running(about.get("left", "session.replied:1"))
            return False
        try:
            server.process.wait(timeout=REACH_S)
        except subprocess.TimeoutExpired:
            self.fail(f"the engine does not come to {point}:{n} within {REACH_S} s")
        self.assertEqual(server.process.returncode, -signal.SIGKILL, point)
        self.bury(server)
        return True

    def leave_one_running(self, at):
        """For the next engine: a cell is in its kernel, by what is on record or was sent ahead."""
        server = self.start_engine(crash_at=at)
        if server:
            server.process.wait(timeout=REACH_S)
            self.assertEqual(server.process.returncode, -signal.SIGKILL)
            self.bury(server)
        self.kills["session.replied"] += 1

    def kill_at_random(self, what):
        server = self.start_engine()
        # The moment itself is what is random: no event could say when.
        self.gone.wait(self.chance.uniform(0, LONGEST_LIFE_S))
        if what == "kernel":
            self.end_a_kernel()
            self.gone.wait(self.chance.uniform(0, LONGEST_LIFE_S))
        self.kill_engine(server)
        if what == "engine and kernels":
            self.end_all_kernels()
        return True

    # What holds.

    def rows(self, columns, table="execution_queue"):
        """Of all tasks, or of another table. Without an engine from a copy: what is read must not be mended by it."""
        file = self.data / "sessions" / "state.db"
        if self.server:
            database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        else:
            copy = self.folder / "copy"
            shutil.rmtree(copy, ignore_errors=True)
            copy.mkdir()
            for part in file.parent.glob("state.db*"):
                if not part.name.endswith("-shm"):
                    shutil.copy(part, copy)
            database = sqlite3.connect(copy / "state.db")
            self.assertEqual(database.execute("PRAGMA quick_check").fetchall(), [("ok",)])
        try:
            return database.execute(f"SELECT {columns} FROM {table}").fetchall()
        finally:
            database.close()

    def acknowledged(self):
        return set().union(*(set(client.acknowledged) for client in self.clients))

    def check(self, at):
        acknowledged = self.acknowledged()
        ran = collections.Counter(self.marks.read_text().split())
        now = dict(self.rows("task_id, status"))
        self.assertEqual(acknowledged - set(now), set(), f"acknowledged and lost, after {at}")
        for task, state in self.states.items():
            if state in FINAL:
                self.assertEqual(now[task], state, f"{task} had ended otherwise, after {at}")
            elif (state, now[task]) == ("running", "pending"):
                self.assertNotIn(task, ran, f"{task} ran already, after {at}")
        self.states = now
        self.assertEqual([mark for mark, times in ran.items() if times > 1], [],
                         f"ran twice, after {at}")
        for path in self.books:
            nbformat.validate(nbformat.read(path, as_version=4))
        return ran

    def check_the_end(self):
        """All have ended, and each end is what happened."""
        ran = self.check("the end")
        ends = collections.Counter(self.states.values())
        print(f"acknowledged {len(self.acknowledged())}, {dict(ends)}, "
              f"marked cells that ran {sum(ran.values())}", flush=True)
        self.assertLessEqual(set(ends), {"completed", "interrupted", "failed"})
        # At a kill so many cells of each notebook at most have left, and have no end on the disk.
        self.assertLessEqual(ends["interrupted"], AHEAD * NOTEBOOKS * sum(self.kills.values()))
        self.assertLessEqual(ends["failed"], self.failures_allowed)
        sent = set().union(*(client.sent for client in self.clients))
        self.assertLessEqual(set(self.states), sent)
        self.assertLessEqual(set(ran), sent)
        unheard = 0
        last = {}  # of each cell whose outputs are written into its file
        for name, state, error, outputs, path, cell, at in self.rows(
                "task_id, status, error_message, outputs_json, notebook_path, cell_index,"
                " completed_at"):
            if name.startswith("c"):
                if state == "completed":
                    self.assertIn(name, ran, "completed, and never ran")
                    text = celldeck.text_of(json.loads(outputs))
                    printed = text.replace(celldeck.TAKEN_OVER, "")
                    # What a cell prints while no engine runs, nobody hears; and that is said.
                    if printed == "":
                        unheard += 1
                        self.assertIn(celldeck.TAKEN_OVER, text)
                    self.assertIn(printed, ("", name + "\n"))
            elif last.get((path, cell), ("",))[0] <= at:
                last[path, cell] = (at, celldeck.text_of(json.loads(outputs)))
            if state == "failed":
                self.assertIn("kernel", error)
        self.assertLessEqual(unheard, NOTEBOOKS * sum(self.kills.values()))
        print(f"completed, and printed while no engine ran: {unheard}", flush=True)
        for path in self.books:
            cells = self.read(path)["cells"]
            written = {(str(path), i): celldeck.text_of(cells[i]["outputs"])
                       for i in range(1, 1 + CELLS)}
            self.assertEqual(written, {key: last[key][1] for key in written})
        database = sqlite3.connect(self.data / "sessions" / "state.db")
        self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
        database.close()

    def drain(self):
        """A last engine brings all to its end; resolves what still waits without asking for it."""
        server = self.start_engine()
        for name, state in self.rows("task_id, status"):
            if state not in FINAL:
                done = server.call("wait_for_task", task_id=name, timeout_s=celldeck.LIMIT_S / 2)
                self.assertIn(done["status"], FINAL, name)
        self.assertEqual(server.end(), 0)
        self.bury(server)
        # Kernels outlive engines, and not the last one; nor does what they needed.
        self.assertEqual(self.kernels(), [])
        self.assertEqual([path.name for path in (self.data / "runtime").iterdir()], [])

    def until(self, what, condition):
        end = time.monotonic() + REACH_S
        while not condition():
            self.assertLess(time.monotonic(), end, f"waited in vain: {what}")
            self.gone.wait(0.02)

    def warm_up(self):
        """Until each notebook has its kernel."""
        server = self.start_engine()
        self.until("a kernel of each notebook", lambda: len({
            path for path, state in self.rows("notebook_path, status")
            if state == "completed"}) == NOTEBOOKS)
        self.kill_engine(server)

    def ways_to_die(self):
        ways = [(self.kill_at_random, what) for what, times in points.AT_RANDOM.items()
                for _ in range(points.scaled(times))]
        ways += [(self.kill_at, point) for point, about in points.UNDER_LOAD.items()
                 for _ in range(points.scaled(about["times"]))]
        self.chance.shuffle(ways)
        return [(kill, what) for kill, what in ways if what.startswith(points.ONLY)]

    def test_kills(self):
        print(f"SEED={SEED} KILLS={points.KILLS}", flush=True)
        self.chance = random.Random(SEED)
        self.clients = [clients.Client(self, number) for number in range(CLIENTS)]
        self.clients.append(clients.Editor(self, 0))
        for client in self.clients:
            client.start()
        self.addCleanup(self.stop.set)
        self.warm_up()
        for kill, what in self.ways_to_die():
            about = points.UNDER_LOAD.get(what)
            for _ in range(TRIES):
                if kill(what, about) if about else kill(what):
                    break
            else:
                self.fail(f"the engine does not come to {what}")
            self.kills[what] += 1
            self.check(what)
            self.raise_faults()
        server = self.start_engine()
        self.gone.wait(LONGEST_LIFE_S)
        self.stop.set()
        for client in self.clients:
            client.join()
        self.raise_faults()
        self.kill_engine(server)
        for what, times in sorted(self.kills.items()):
            print(f"{times:5}  {what}")
        print(f"{sum(self.kills.values()):5}  in all", flush=True)
        self.drain()
        self.check_the_end()

    def raise_faults(self):
        for client in self.clients:
            if client.fault:
                raise client.fault

    def test_every_point_is_driven(self):
        found = points.in_the_sources()
        self.assertEqual(len(found), len(set(found)), "a name stands for two points")
        self.assertEqual(set(found), set(points.UNDER_LOAD) | set(points.MAINTENANCE))


if __name__ == "__main__":
    celldeck.main()
