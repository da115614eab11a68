"""Who submits while the engine is killed, and what they were told."""

import http.client
import json
import threading
import urllib.error

import celldeck

# A mark is one write with O_APPEND: whole, whoever dies meanwhile. Some cells take their time, so
# that a kill finds one in its kernel.
CODE = """import os, time
f = os.open({marks!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
os.write(f, b'{mark}\\n')
os.close(f)
time.sleep({pause})
print('{mark}')"""

GONE = (ConnectionError, urllib.error.URLError, http.client.HTTPException, TimeoutError,
        json.JSONDecodeError)


class Client(threading.Thread):
    """Submits until it is told to stop. What it sent and got no answer for, it sends again under
    the same id, as a client should. `pace`: seconds between two submissions."""

    prefix = "c"
    pace = 0.04

    def __init__(self, test, number):
        super().__init__()
        self.test, self.number = test, number
        self.acknowledged = set()
        self.sent = set()
        self.fault = None

    def run(self):
        try:
            turn = 0
            while not self.test.stop.is_set():
                mark = f"{self.prefix}{self.number}-{turn}"
                if self.submit(mark):
                    turn += 1
                    self.test.stop.wait(self.pace)
        except BaseException as fault:  # told by the test's own thread
            self.fault = fault

    def call(self, mark, turn):
        return {"index": 0, "code_override": CODE.format(
            marks=str(self.test.marks), mark=mark, pause=0.15 if turn % 12 == 0 else 0)}

    def submit(self, mark):
        server = self.test.current()
        if server is None:
            return False
        turn = int(mark.split("-")[1])
        path = self.test.books[self.number % len(self.test.books)]
        self.sent.add(mark)
        try:
            task = server.call("run_cell_async", notebook_path=path.name, task_id_override=mark,
                               **self.call(mark, turn))
        except celldeck.ToolError as refusal:
            if refusal.code != "queue_full":
                raise
            self.test.gone.wait(0.2)  # as it was told
            return False
        except GONE:
            self.test.gone.wait(0.05)  # until the next engine, or a moment
            return False
        if task["task_id"] != mark:
            raise AssertionError(f"{mark} was acknowledged as {task['task_id']}")
        self.acknowledged.add(mark)
        return True


class Editor(Client):
    """Runs the notebooks' own cells, so that their files are written."""

    prefix = "w"
    pace = 0.1

    def submit(self, mark):
        self.number = int(mark.split("-")[1])  # one notebook after the other
        return super().submit(mark)

    def call(self, mark, turn):
        return {"index": 1 + turn // len(self.test.books) % self.test.cells}


class Connection(celldeck.Server):
    """Another client of the same server."""

    def __init__(self, server):
        self.url, self.token, self.process = server.url, server.token, server.process
        self.session, self.number = None, 0
