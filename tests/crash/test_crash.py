"""Nothing acknowledged is lost, and nothing runs twice, however often the engine is killed.

Clients submit without a pause while `celldeck serve` is ended with SIGKILL at random moments and
started again. Each cell appends its own mark to a file, so that what ran is known from outside.
KILLS (30) and SEED come from the environment; a failure prints the seed.
"""

import collections
import http.client
import json
import os
import random
import signal
import sqlite3
import threading
import time
import urllib.error

import celldeck
from celldeck import notebook

KILLS = int(os.environ.get("KILLS", "30"))
SEED = int(os.environ.get("SEED", time.time_ns() % 1_000_000))
CLIENTS = 8
NOTEBOOKS = 4
LONGEST_LIFE_S = 1.5  # of an engine, from when it listens

# A mark is one write with O_APPEND: whole, whoever dies meanwhile.
CODE = """import os
f = os.open({marks!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
os.write(f, b'{mark}\\n')
os.close(f)
print('{mark}')"""

GONE = (ConnectionError, urllib.error.URLError, http.client.HTTPException, TimeoutError,
        json.JSONDecodeError)


class Client(threading.Thread):
    """Submits until it is told to stop. What it sent and got no answer for, it sends again under
    the same id, as a client should."""

    def __init__(self, test, number):
        super().__init__()
        self.test, self.number = test, number
        self.acknowledged = {}  # mark: task id
        self.sent = set()
        self.fault = None

    def run(self):
        try:
            turn = 0
            while not self.test.stop.is_set():
                mark = f"c{self.number}-{turn}"
                if self.submit(mark):
                    turn += 1
        except BaseException as fault:  # told by the test's own thread
            self.fault = fault

    def submit(self, mark):
        server = self.test.current()
        if server is None:
            return False
        path = self.test.books[self.number % NOTEBOOKS]
        self.sent.add(mark)
        try:
            task = server.call(
                "run_cell_async", notebook_path=path.name, index=0, task_id_override=mark,
                code_override=CODE.format(marks=str(self.test.marks), mark=mark))
        except celldeck.ToolError as refusal:
            if refusal.code != "queue_full":
                raise
            self.test.gone.wait(0.2)  # as it was told
            return False
        except GONE:
            self.test.gone.wait(0.05)  # until the next engine, or a moment
            return False
        self.acknowledged[mark] = task["task_id"]
        return True


class Session(celldeck.Server):
    """Another client of the same server."""

    def __init__(self, server):
        self.url, self.token, self.process = server.url, server.token, server.process
        self.session, self.number = None, 0


class Crash(celldeck.CelldeckTest):
    def current(self):
        with self.lock:
            server = self.server
        if server is None:
            self.gone.wait(0.05)
            return None
        local = threading.current_thread()
        if getattr(local, "of", None) is not server:
            local.of, local.client = server, Session(server)
        return local.client

    def start_engine(self):
        server = self.serve()
        with self.lock:
            self.server = server
        return server

    def kill_engine(self, server):
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        with self.lock:
            self.server = None

    def test_kills(self):
        print(f"SEED={SEED} KILLS={KILLS}", flush=True)
        chance = random.Random(SEED)
        self.lock, self.stop, self.gone = threading.Lock(), threading.Event(), threading.Event()
        self.server = None
        self.marks = self.folder / "marks"
        self.marks.touch()
        self.books = [self.write(f"n{i}.ipynb", notebook("pass")) for i in range(NOTEBOOKS)]

        clients = [Client(self, number) for number in range(CLIENTS)]
        server = self.start_engine()
        for client in clients:
            client.start()
        for _ in range(KILLS):
            # The moment itself is what is random: no event could say when.
            self.gone.wait(chance.uniform(0, LONGEST_LIFE_S))
            self.kill_engine(server)
            server = self.start_engine()
        self.stop.set()
        for client in clients:
            client.join()
            if client.fault:
                raise client.fault

        acknowledged = {}
        for client in clients:
            acknowledged.update(client.acknowledged)
        ends = collections.Counter()
        statuses = {}
        for mark, task in acknowledged.items():
            done = server.call("wait_for_task", task_id=task, timeout_s=60)
            statuses[mark] = done["status"]
            ends[done["status"]] += 1
            if done["status"] == "completed":
                self.assertEqual(celldeck.text_of(done["outputs"]), mark + "\n")
        self.assertEqual(server.end(), 0)

        ran = collections.Counter(self.marks.read_text().split())
        print(f"acknowledged {len(acknowledged)}, {dict(ends)}, cells that ran {sum(ran.values())}",
              flush=True)
        self.assertGreater(len(acknowledged), KILLS)
        self.assertLessEqual(set(ends), {"completed", "interrupted"})
        twice = [mark for mark, times in ran.items() if times > 1]
        self.assertEqual(twice, [], "ran twice")
        lost = [mark for mark, status in statuses.items()
                if status == "completed" and mark not in ran]
        self.assertEqual(lost, [], "completed, and never ran")
        self.assertLessEqual(set(ran), {mark for client in clients for mark in client.sent})
        # At most one cell of each notebook can have been in a kernel at a kill; the one behind it
        # can have been marked in the same commit.
        self.assertLessEqual(ends["interrupted"], 2 * NOTEBOOKS * KILLS)

        for path in self.books:
            self.assertEqual(self.read(path)["nbformat"], 4)
        with sqlite3.connect(self.data / "sessions" / "state.db") as database:
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchone(), ("ok",))
            rows = dict(database.execute(
                "SELECT status, count(*) FROM execution_queue GROUP BY status"))
        database.close()
        self.assertNotIn("pending", rows)
        self.assertNotIn("running", rows)


if __name__ == "__main__":
    celldeck.main()
