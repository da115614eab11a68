"""`celldeck serve`: what is acknowledged outlives it."""

import json
import os
import signal
import stat
import subprocess
import unittest
import urllib.error
import urllib.request

import celldeck
from celldeck import USAGE, notebook, text_of


class Serve(celldeck.CelldeckTest):
    def blocking_notebook(self, name):
        """A notebook whose first cell runs until somebody reads the fifo that it opens."""
        gate = self.work / f"{name}.gate"
        os.mkfifo(gate)
        sources = [f"n = 0\nopen({str(gate)!r}, 'w').close()"]
        sources += [f"n += 1; print('cell', n)" for _ in range(5)]
        return gate, self.write(f"{name}.ipynb", notebook(*sources))

    def test_health_needs_no_token_and_all_else_does(self):
        server = self.serve()
        with urllib.request.urlopen(server.url + "/health", timeout=30) as answer:
            health = json.load(answer)
        self.assertEqual(health["status"], "ok")
        self.assertLessEqual({"version", "uptime_s"}, set(health))
        server.token = "another"
        with self.assertRaises(urllib.error.HTTPError) as refused:
            server.request("initialize")
        self.assertEqual(refused.exception.code, 401)
        refused.exception.close()

    def test_strange_hosts_and_origins_are_refused(self):
        server = self.serve()
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            request = urllib.request.Request(
                server.url + "/mcp", b"{}", dict(headers, Authorization=f"Bearer {server.token}"))
            with self.assertRaises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=30)
            self.assertEqual(refused.exception.code, 403)
            refused.exception.close()

    def test_the_endpoint_file(self):
        del self.environment["CELLDECK_TOKEN"]
        self.environment["CELLDECK_TOKEN"] = ""
        server = self.serve()
        file = self.data / "runtime" / "endpoint.json"
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(file.parent.stat().st_mode), 0o700)
        endpoint = self.read(file)
        self.assertEqual(endpoint["pid"], server.process.pid)
        server.token = endpoint["token"]
        self.assertGreater(len(server.token), 30)
        self.assertTrue(server.request("tools/list")["tools"])
        self.assertEqual(server.end(), 0)
        self.assertFalse(file.exists())

    def test_a_whole_notebook(self):
        server = self.serve()
        self.write("a.ipynb", notebook("x = 20", "print(x + 1)"))
        tasks = server.call("run_all_cells", notebook_path="a.ipynb")["task_ids"]
        done = server.call("wait_for_task", task_id=tasks[-1], timeout_s=60)
        self.assertEqual(done["status"], "completed")
        self.assertEqual(text_of(done["outputs"]), "21\n")
        self.assertEqual(server.end(), 0)
        cells = self.read(self.work / "a.ipynb")["cells"]
        self.assertEqual(text_of(cells[1]["outputs"]), "21\n")

    def test_killed_with_tasks_pending(self):
        server = self.serve()
        books = [self.blocking_notebook(name) for name in ("a", "b")]
        accepted = {path: server.call("run_all_cells", notebook_path=path.name)["task_ids"]
                    for _, path in books}
        states = {task["status"] for task in server.call("list_tasks")["tasks"]}
        self.assertLessEqual(states, {"pending", "running"})
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()

        again = self.serve()
        # The first cells may have run when it was killed: then they are interrupted, and only a
        # person says whether they run again. Those behind them were pending, and run.
        for gate, path in books:
            status = again.call("get_execution_status", notebook_path=path.name,
                                task_id=accepted[path][0])["status"]
            self.assertIn(status, ("pending", "running", "interrupted"))
            if status != "interrupted":
                with open(gate):
                    pass
        for _, path in books:
            ended = [again.call("wait_for_task", task_id=task, timeout_s=60)["status"]
                     for task in accepted[path]]
            self.assertIn(ended[0], ("completed", "interrupted"))
            # Without the first cell's n, the others raise: they ran all the same.
            self.assertLessEqual(set(ended[1:]), {"completed", "failed", "cancelled"})
        listed = {task["task_id"] for task in again.call("list_tasks", limit=100)["tasks"]}
        self.assertEqual(listed, {task for tasks in accepted.values() for task in tasks})
        self.assertEqual(again.end(), 0)

    def test_pending_tasks_of_a_killed_server_run_and_keep_their_order(self):
        server = self.serve()
        log = self.work / "log"
        other = self.write("b.ipynb", notebook(
            *[f"open({str(log)!r}, 'a').write('{i} ')" for i in range(8)]))
        # A running cell holds the queue back, so that all eight are pending when the kill comes.
        hold = self.work / "hold"
        os.mkfifo(hold)
        first = server.call("run_cell_async", notebook_path=other.name, index=0,
                            code_override=f"open({str(hold)!r}, 'w').close()")["task_id"]
        eight = server.call("run_all_cells", notebook_path=other.name)["task_ids"]
        self.assertEqual(len(eight), 8)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        self.assertFalse(log.exists())

        again = self.serve()
        if again.call("get_execution_status", task_id=first)["status"] != "interrupted":
            with open(hold):  # it had not begun when the kill came, so it waits again
                pass
        for task in eight:
            done = again.call("wait_for_task", task_id=task, timeout_s=60)
            self.assertEqual(done["status"], "completed")
        self.assertEqual(log.read_text(), "0 1 2 3 4 5 6 7 ")
        self.assertEqual(again.end(), 0)

    def test_what_waits_when_the_server_is_ended_runs_when_it_is_back(self):
        server = self.serve()
        flag, log = self.work / "flag", self.work / "log"
        os.mkfifo(flag)
        self.write("a.ipynb", notebook(
            f"open({str(flag)!r}, 'w').close()\nimport time; time.sleep(600)",
            *[f"open({str(log)!r}, 'a').write('{i} ')" for i in range(4)]))
        tasks = server.call("run_all_cells", notebook_path="a.ipynb")["task_ids"]
        with open(flag):  # opens when the first cell does
            pass
        self.assertEqual(server.end(), 0)

        again = self.serve()
        ended = [again.call("wait_for_task", task_id=task, timeout_s=60) for task in tasks]
        self.assertEqual([task["status"] for task in ended], ["interrupted"] + 4 * ["completed"])
        self.assertEqual([task["state_lost"] for task in ended], [False] + 4 * [True])
        self.assertEqual(log.read_text(), "0 1 2 3 ")
        self.assertEqual(again.end(), 0)

    def test_the_console_hosts_the_same_endpoint(self):
        self.environment["QT_QPA_PLATFORM"] = "offscreen"
        server = self.serve(command=())
        self.write("a.ipynb", notebook("print(6 * 7)"))
        task = server.call("run_all_cells", notebook_path="a.ipynb")["task_ids"][0]
        done = server.call("wait_for_task", task_id=task, timeout_s=60)
        self.assertEqual(text_of(done["outputs"]), "42\n")
        self.assertEqual(server.end(), 0)
        self.assertFalse((self.data / "runtime" / "endpoint.json").exists())

    def test_a_second_console_shows_the_first_and_passes_its_notebooks_on(self):
        self.environment["QT_QPA_PLATFORM"] = "offscreen"
        server = self.serve(command=())
        flag = self.work / "flag"
        os.mkfifo(flag)
        self.write("a.ipynb", notebook(f"open({str(flag)!r}, 'w').close()"))
        self.assertIn("runs already", self.celldeck().stdout)
        self.assertIn("runs already", self.celldeck("a.ipynb").stdout)
        with open(flag):  # opens when the cell does
            pass
        listed = server.call("list_tasks")["tasks"]
        self.assertEqual([task["notebook_path"] for task in listed], [str(self.work / "a.ipynb")])
        self.assertIn("none.ipynb", self.celldeck("none.ipynb", code=USAGE).stderr)
        # One that was killed leaves its socket behind.
        server.process.kill()
        server.process.wait()
        again = self.serve("a.ipynb", command=())
        with open(flag):
            pass
        self.assertIn("runs already", self.celldeck().stdout)
        self.assertEqual(again.end(), 0)

    def test_of_consoles_that_start_at_once_one_stays(self):
        self.environment["QT_QPA_PLATFORM"] = "offscreen"
        for name in "abcd":
            flag = self.work / name
            os.mkfifo(flag)
            self.write(f"{name}.ipynb", notebook(f"open({str(flag)!r}, 'w').close()"))
        starts = [subprocess.Popen([celldeck.PROGRAM, f"{name}.ipynb", "--port", "0"],
                                   env=self.environment, cwd=self.work, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                  for name in "abcd"]
        for start in starts:
            self.addCleanup(start.stdout.close)
            self.addCleanup(start.wait)
            self.addCleanup(start.kill)
        said = [start.stdout.readline() for start in starts]
        self.assertEqual(sorted("runs already" in line for line in said), [False] + [True] * 3, said)
        stays = next(start for start, line in zip(starts, said) if "runs already" not in line)
        for start in starts:
            if start is not stays:
                self.assertEqual(start.wait(timeout=celldeck.LIMIT_S), 0)
        for name in "abcd":  # What each was asked for runs.
            with open(self.work / name):
                pass
        stays.terminate()
        self.assertEqual(stays.wait(timeout=celldeck.LIMIT_S), 0)

    def test_a_console_that_cannot_start_says_why(self):
        first = self.serve()
        self.environment["QT_QPA_PLATFORM"] = "offscreen"
        with_line = subprocess.Popen(
            [celldeck.PROGRAM, "--port", "0"], env=self.environment, cwd=self.work,
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(with_line.stderr.close)
        self.assertIn(str(first.process.pid), with_line.stderr.readline())
        with_line.terminate()
        with_line.wait(timeout=60)

    def test_bad_arguments_name_the_argument(self):
        server = self.serve()
        self.write("a.ipynb", notebook("1"))
        for tool, arguments, word in (
            ("run_cell_async", {"notebook_path": "a.ipynb", "index": 9}, "9"),
            ("run_cell_async", {"notebook_path": "a.ipynb", "index": "one"}, "index"),
            ("run_cell_async", {"index": 0}, "notebook_path"),
            ("run_cell_async", {"notebook_path": "../../etc/passwd", "index": 0}, "workspace"),
            ("run_all_cells", {"notebook_path": "none.ipynb"}, "none.ipynb"),
            ("wait_for_task", {"task_id": "nonsense"}, "nonsense"),
        ):
            with self.subTest(tool=tool, arguments=arguments):
                result = server.request("tools/call", name=tool, arguments=arguments)
                self.assertTrue(result["isError"])
                self.assertIn(word, result["content"][0]["text"])


if __name__ == "__main__":
    celldeck.main()
