"""Submits tasks as the Python server does: a connection an operation.

    pythonway.py FOLDER ROWS

Prints the seconds that it took. The schema is that server's: text UUIDs as keys, ISO timestamps,
three indexes.
"""

import datetime
import pathlib
import sqlite3
import sys
import time
import uuid

SCHEMA = """
CREATE TABLE IF NOT EXISTS execution_queue (
    task_id TEXT PRIMARY KEY, notebook_path TEXT NOT NULL, cell_index INTEGER NOT NULL,
    code TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'pending', created_at TEXT NOT NULL,
    started_at TEXT, completed_at TEXT, error_message TEXT, execution_count INTEGER,
    outputs_json TEXT, retries INTEGER DEFAULT 0);
CREATE INDEX IF NOT EXISTS idx_queue_status ON execution_queue(status);
CREATE INDEX IF NOT EXISTS idx_queue_notebook ON execution_queue(notebook_path);
CREATE INDEX IF NOT EXISTS idx_queue_created ON execution_queue(created_at);
"""


def enqueue(path, number):
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(
            "INSERT INTO execution_queue (task_id, notebook_path, cell_index, code, status,"
            " created_at) VALUES (?, ?, ?, ?, 'pending', ?)",
            (str(uuid.uuid4()), f"/home/somebody/notebooks/analysis-{number % 64}.ipynb", number,
             f'total_{number} = frame["price_{number}"].sum()\nprint(total_{number})',
             datetime.datetime.now(datetime.timezone.utc).isoformat()))
        connection.commit()
    finally:
        connection.close()


def main():
    path = str(pathlib.Path(sys.argv[1]) / "python.db")
    rows = int(sys.argv[2])
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(SCHEMA)
    connection.close()
    begun = time.perf_counter()
    for number in range(rows):
        enqueue(path, number)
    print(time.perf_counter() - begun)


if __name__ == "__main__":
    main()
