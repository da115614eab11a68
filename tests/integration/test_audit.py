"""The audit log: each action leaves exactly one entry in the right name, a preview none, and what
was acknowledged is in it after `kill -9`."""

import csv
import io
import json
import os
import signal

import celldeck
from celldeck import DONE, FAILED, USAGE, notebook

LIMIT_S = 60
AGENT, PERSON, SYSTEM = ("agent", "test"), ("operator", "celldeck"), ("system", None)


class Audit(celldeck.CelldeckTest):
    def setUp(self):
        super().setUp()
        self.path = str(self.write("a.ipynb", notebook("print('ran')", "print('again')")))
        self.seen = 0

    def log(self, *more):
        lines = self.celldeck("audit", "--json", "--limit", "1000", *more).stdout.splitlines()
        return [json.loads(line) for line in reversed(lines)]

    def new(self):
        """What has come since the last call: (actor, client), action, object, count."""
        entries = self.log()
        fresh = entries[self.seen:]
        self.seen = len(entries)
        return [((e["actor"], e["client"]), e["action"], e["object"], e["count"]) for e in fresh]

    def submit(self, server, index=0, **more):
        return server.call("run_cell_async", notebook_path="a.ipynb", index=index, **more)["task_id"]

    def wait(self, server, task):
        return server.call("wait_for_task", task_id=task, timeout_s=LIMIT_S)["status"]

    def kill(self, server):
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()

    def test_what_agents_do(self):
        server = self.serve()
        server.call("pause_queue", notebook_path="a.ipynb")
        self.assertEqual(self.new(), [(AGENT, "pause", None, 1)])
        first = self.submit(server)
        self.assertEqual(self.new(), [(AGENT, "submit", first, 1)])
        named = self.submit(server, task_id_override="mine")
        self.submit(server, task_id_override="mine")  # The same task: nothing was done.
        self.assertEqual(self.new(), [(AGENT, "submit", named, 1)])
        server.call("move_task", task_id=named, position=0)
        self.assertEqual(self.new(), [(AGENT, "move", named, 1)])
        server.call("cancel_execution", task_id=named)
        server.call("cancel_execution", task_id=named)  # It has ended.
        self.assertEqual(self.new(), [(AGENT, "cancel", named, 1)])
        both = server.call("run_all_cells", notebook_path="a.ipynb")["task_ids"]
        self.assertEqual(self.new(), [(AGENT, "submit", both[0], 2)])
        server.call("cancel_all", notebook_path="a.ipynb")
        server.call("cancel_all", notebook_path="a.ipynb")  # Nothing is left.
        self.assertEqual(self.new(), [(AGENT, "cancel_all", None, 3)])
        again = server.call("replay_task", task_id=first)["task_id"]
        self.assertEqual(self.new(), [(AGENT, "replay", again, 1)])
        server.call("set_stop_on_error", notebook_path="a.ipynb", enabled=True)
        self.assertEqual(self.new(), [(AGENT, "set_stop_on_error", None, 1)])
        server.call("resume_queue", notebook_path="a.ipynb")
        self.assertEqual(self.wait(server, again), "completed")
        self.assertEqual(self.new(), [(AGENT, "resume", None, 1),
                                      (SYSTEM, "start_kernel", "python3", 1)])
        self.assertTrue(all(e["notebook_path"] == self.path for e in self.log()))

    def test_kernels_and_a_cell_that_runs(self):
        server = self.serve()
        server.call("start_kernel", notebook_path="a.ipynb")
        server.call("start_kernel", notebook_path="a.ipynb")  # It is there.
        self.assertEqual(self.new(), [(AGENT, "start_kernel", "python3", 1)])
        gate = self.work / "gate"
        os.mkfifo(gate)
        task = self.submit(server, code_override=f"open({str(gate)!r}).read()")
        with open(gate, "w"):  # Opens when the cell does.
            self.assertEqual(server.call("cancel_execution", task_id=task)["status"], "cancelled")
        self.assertEqual(self.new(), [(AGENT, "submit", task, 1), (AGENT, "cancel", task, 1)])
        server.call("stop_kernel", notebook_path="a.ipynb")
        self.assertEqual(self.new(), [(AGENT, "stop_kernel", None, 1)])
        with self.assertRaises(celldeck.ToolError):
            server.call("stop_kernel", notebook_path="a.ipynb")
        self.assertEqual(self.new(), [])

    def test_what_operators_do_beside_an_engine_and_without(self):
        server = self.serve()
        server.call("pause_queue")
        first, second = self.submit(server), self.submit(server)
        self.new()
        self.celldeck("cancel", first)
        self.assertEqual(self.new(), [(PERSON, "cancel", first, 1)])
        again = self.celldeck("replay", first).stdout.split()[0]
        self.assertEqual(self.new(), [(PERSON, "replay", again, 1)])
        self.celldeck("replay", "nothing", code=FAILED)
        self.celldeck("cleanup", "--failed-age-hours", "0", "--dry-run")
        self.assertEqual(self.new(), [])
        self.celldeck("cleanup", "--failed-age-hours", "0")
        # The submission of the removed task is among them still, at its time.
        self.assertEqual([e for e in self.new() if e[1] == "cleanup"], [(PERSON, "cleanup", None, 1)])
        self.assertIn((AGENT[1], "submit", first),
                      [(e["client"], e["action"], e["object"]) for e in self.log()])
        self.assertEqual(server.end(), 0)
        self.new()
        self.celldeck("cancel", second)
        self.assertEqual(self.new(), [(PERSON, "cancel", second, 1)])
        again = self.celldeck("replay", second).stdout.split()[0]
        self.assertEqual(self.new(), [(PERSON, "replay", again, 1)])
        self.celldeck("cleanup", "--failed-age-hours", "0", "--dry-run")
        self.assertEqual(self.new(), [])
        self.celldeck("run", "a.ipynb")
        self.assertEqual([(who, what, count) for who, what, _, count in self.new()],
                         [(PERSON, "submit", 2)])

    def test_acknowledged_and_killed(self):
        server = self.serve()
        server.call("pause_queue")
        tasks = [self.submit(server) for _ in range(3)]
        server.call("cancel_execution", task_id=tasks[1])
        self.kill(server)
        self.assertEqual(self.new(), [(AGENT, "pause", None, 1),
                                      *((AGENT, "submit", task, 1) for task in tasks),
                                      (AGENT, "cancel", tasks[1], 1)])

    def test_recovery(self):
        server = self.serve()
        gate = self.work / "gate"
        os.mkfifo(gate)
        task = self.submit(server, code_override=f"open({str(gate)!r}).read()")
        writer = open(gate, "w")
        self.addCleanup(writer.close)
        waits = self.submit(server)
        self.kill(server)
        self.end_kernels()
        self.new()
        server = self.serve("--recovery", "hold")
        found = self.new()
        self.assertEqual(found, [(SYSTEM, "interrupt", task, 1), (SYSTEM, "pause", None, 1),
                                 (SYSTEM, "recover", None, 1)])
        self.assertIn("1 were interrupted, 1 were restored", self.log()[-1]["detail"])
        self.assertEqual(self.wait(server, task), "interrupted")
        server.call("cancel_execution", task_id=waits)
        # A start that finds nothing has done nothing.
        self.assertEqual(server.end(), 0)
        self.new()
        self.serve()
        self.assertEqual(self.new(), [])

    def test_export_and_filters(self):
        server = self.serve()
        server.call("pause_queue")
        task = self.submit(server)
        self.celldeck("cancel", task)
        rows = list(csv.DictReader(io.StringIO(self.celldeck("audit", "--csv").stdout)))
        self.assertEqual([(r["actor"], r["action"], r["object"]) for r in rows],
                         [("operator", "cancel", task), ("agent", "submit", task),
                          ("agent", "pause", "")])
        self.assertEqual(list(rows[0]), ["at", "actor", "client", "action", "notebook_path",
                                         "object", "count", "detail"])
        self.assertEqual(len(self.log("--actor", "agent")), 2)
        self.assertEqual(len(self.log("--action", "submit", "--notebook", "a.ipynb")), 1)
        self.assertEqual(len(self.log("--since", rows[1]["at"])), 2)
        self.assertIn("cancel", self.celldeck("audit", "--limit", "1").stdout)
        none = self.celldeck("audit", "--actor", "system", code=FAILED)
        self.assertIn("no action matches", none.stderr)
        self.celldeck("audit", "--since", "2126-01-01T00:00:00Z", code=FAILED)
        for bad in (["--actor", "me"], ["--since", "soon"], ["--json", "--csv"], ["--limit", "0"],
                    ["--action", "sleep"]):
            self.celldeck("audit", *bad, code=USAGE)
        entries, cursor = [], {}
        while cursor is not None:
            page = server.call("get_audit_log", limit=1, **cursor)
            entries += page["entries"]
            cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
        self.assertEqual(list(reversed(entries)), self.log())
        self.assertEqual(len(server.call("get_audit_log", actor="operator")["entries"]), 1)


if __name__ == "__main__":
    celldeck.main()
