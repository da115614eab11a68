"""Kernels over the endpoint: their life, their death, and where they run.

Each test of a row of FIELD.md section 1 says which in its text.
"""

import json
import os
import signal
import string
import subprocess
import sys
import time
import unittest

import celldeck
from celldeck import LIMIT_S, notebook, text_of, until
from kernelcase import IDLE, REPLY, Kernels, say, script


class Life(Kernels):
    def test_a_long_error_is_long_in_its_outputs_only(self):
        server = self.serve()
        done = self.run_code(server, "raise ValueError('x' * 5_000_000)")
        self.assertLess(len(done["error"]), 600)
        self.assertTrue(done["error"].startswith("ValueError: xxx") and done["error"][-1] == "…")
        self.assertLess(len(str(server.call("list_tasks"))), 5_000)

    def test_what_is_too_deep_for_a_notebook_is_said(self):
        """And all else of its cell is there."""
        deep = ("print('before')\nv = 1\nfor _ in range({}): v = [v]\n"
                "from IPython.display import display\n"
                "display({{'application/json': v, 'text/plain': 'deep'}}, raw=True)\nprint('after')")
        depths = [150, 182, 183, 190, 195, 196, 198, 199, 250]
        self.write("deep.ipynb", notebook(*(deep.format(depth) for depth in depths)))
        server = self.serve()
        tasks = server.call("run_all_cells", notebook_path="deep.ipynb")["task_ids"]
        for task in tasks:
            self.assertEqual(self.wait(server, task)["status"], "completed")
        self.assertEqual(server.end(), 0)
        for depth, cell in zip(depths, self.read(self.work / "deep.ipynb")["cells"]):
            with self.subTest(depth):
                text = text_of(cell["outputs"])
                self.assertTrue(text.startswith("before\n") and text.endswith("after\n"))
                shown = any("data" in output for output in cell["outputs"])
                self.assertNotEqual(shown, "nested deeper" in text)
                self.assertEqual(shown, depth < 183)

    def test_a_dead_kernel_fails_its_task_within_a_second(self):
        """"After a kernel's death its task ids become not_found, 29 s later." """
        server = self.serve()
        deaths = {"exit": "import os\nos._exit(9)", "segfault": "import ctypes\nctypes.string_at(0)"}
        for name, code in deaths.items():
            with self.subTest(name):
                gate, wait = self.gate(name)
                task = self.submit(server, f"print('said', flush=True)\n{wait}\n{code}")
                # What a kernel has not sent yet dies with it: its cell's number, too.
                self.until_output(server, task, "said")
                gate.write_text("")
                done = self.wait(server, task)
                self.assertEqual((done["status"], done["error_code"], done["execution_count"]),
                                 ("failed", "kernel_died", 1))
        _, code = self.gate()
        self.run_code(server, "1")
        task = self.submit(server, code)
        self.until_on()
        pid = self.pid(server)
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        done = self.wait(server, task)
        self.assertLess(time.monotonic() - began, 1)
        self.assertEqual((done["status"], done["error_code"]), ("failed", "kernel_died"))
        self.assertIn("signal 9", done["error"])
        self.assertEqual(server.call("get_execution_status", task_id=task)["status"], "failed")
        # What comes next runs, on a fresh kernel.
        self.assertEqual(self.run_code(server, "1")["status"], "completed")

    def test_a_busy_cell_stays_running(self):
        """"Any run still running after 1.0 s is auto-marked completed"; "a 3 s cell was reported
        done after 0.56 s"."""
        server = self.serve()
        self.run_code(server, "1")
        task = self.submit(server, "import time\nend = time.time() + 3\n"
                                   "while time.time() < end: pass\nprint('whole')")
        early = server.call("wait_for_task", task_id=task, timeout_s=2)
        self.assertEqual((early["status"], early["timed_out"]), ("running", True))
        done = self.wait(server, task)
        self.assertEqual((done["status"], text_of(done["outputs"])), ("completed", "whole\n"))

    def test_an_error_fails_with_its_traceback(self):
        """"`1/0` ends as completed, so stop-on-error never acts." """
        done = self.run_code(self.serve(), "1/0")
        self.assertEqual(done["status"], "failed")
        self.assertEqual(done["outputs"][0]["ename"], "ZeroDivisionError")
        self.assertTrue(done["outputs"][0]["traceback"])

    def test_cancelling_one_leaves_the_others_and_the_kernel(self):
        """"Cancelling a queued task kills the kernel." """
        server = self.serve()
        _, code = self.gate()
        running = self.submit(server, "x = 1\n" + code)
        queued = self.submit(server, "never = 1")
        rest = [self.submit(server, f"print(x, {i})") for i in range(3)]
        self.until_on()
        pid = self.pid(server)
        server.call("cancel_execution", notebook_path="a.ipynb", task_id=queued)
        server.call("cancel_execution", notebook_path="a.ipynb", task_id=running)
        texts = [text_of(self.wait(server, task)["outputs"]) for task in rest]
        self.assertEqual(texts, ["1 0\n", "1 1\n", "1 2\n"])
        self.assertEqual(self.wait(server, running)["status"], "cancelled")
        self.assertEqual(self.wait(server, queued)["status"], "cancelled")
        self.assertEqual(self.pid(server), pid)
        self.assertEqual(text_of(self.run_code(server, "print('never' in dir())")["outputs"]),
                         "False\n")

    def test_cancelling_the_cell_of_a_batch_leaves_the_rest_of_it(self):
        _, code = self.gate()
        self.write("b.ipynb", notebook(code, "print('on')"))
        server = self.serve()
        tasks = server.call("run_all_cells", notebook_path="b.ipynb")["task_ids"]
        self.until_on()
        server.call("cancel_execution", notebook_path="b.ipynb", task_id=tasks[0])
        self.assertEqual([self.wait(server, task)["status"] for task in tasks],
                         ["cancelled", "completed"])

    def test_a_limit_interrupts_and_the_end_stays(self):
        """"A timeout does not interrupt the cell, and the late idle turns timeout into
        completed." """
        late = script({"ignore_interrupts": 1}, say("on"), {"sleep": 1500}, REPLY, IDLE)
        path = self.write("t.ipynb", notebook(late, kernel="scripted"))
        self.celldeck("run", path, "--timeout", "0.5", code=celldeck.TIMED_OUT)
        [task] = [json.loads(line) for line in
                  self.celldeck("tasks", "--json").stdout.splitlines()]
        self.assertEqual(task["status"], "timeout")
        shown = self.celldeck("show", task["task_id"]).stdout
        self.assertIn("timeout", shown)

    def test_a_cell_that_ignores_interrupts_takes_its_kernel_with_it(self):
        server = self.serve()
        self.run_code(server, "pass", "s.ipynb")
        pid = self.pid(server, "s.ipynb")
        task = self.submit(server, script({"ignore_interrupts": 1}, say("on"), {"sleep": 600000}),
                           "s.ipynb")
        after = self.submit(server, script(say("next"), REPLY, IDLE), "s.ipynb")
        self.until_output(server, task, "on")
        server.call("cancel_execution", notebook_path="s.ipynb", task_id=task)
        self.assertEqual(self.wait(server, task)["status"], "cancelled")
        done = self.wait(server, after)
        self.assertEqual((done["status"], done["state_lost"]), ("completed", True))
        self.assertNotEqual(self.pid(server, "s.ipynb"), pid)
        self.assertFalse(self.lives(pid))

    def until_output(self, server, task, text):
        end = time.monotonic() + LIMIT_S
        while text not in text_of(server.call("get_execution_status", task_id=task)["outputs"]):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)

    def test_interrupt_by_signal_and_by_message(self):
        self.write("m.ipynb", notebook("1", kernel="scripted-message"))
        server = self.serve()
        for path, code in (("a.ipynb", "print('on', flush=True)\nimport time\ntime.sleep(600)"),
                           ("s.ipynb", script(say("on"), {"sleep": 600000})),
                           ("m.ipynb", script(say("on"), {"sleep": 600000}))):
            with self.subTest(path):
                task = self.submit(server, code, path)
                self.until_output(server, task, "on")
                pid = self.pid(server, path)
                self.assertTrue(server.call("is_kernel_busy", notebook_path=path)["busy"])
                server.call("interrupt_kernel", notebook_path=path)
                done = self.wait(server, task)
                self.assertEqual(done["status"], "failed")
                self.assertIn("KeyboardInterrupt", done["error"])
                self.assertEqual(self.pid(server, path), pid)

    def test_stopping_ends_the_whole_process_group(self):
        server = self.serve()
        done = self.run_code(server, "import subprocess\n"
                                     "p = subprocess.Popen(['sleep', '600'])\nprint(p.pid)")
        child = int(text_of(done["outputs"]))
        usage = server.call("check_kernel_resources", notebook_path="a.ipynb")
        self.assertEqual([line["pid"] for line in usage["children"]], [child])
        self.assertGreater(usage["memory_bytes"], 10 * 1024 * 1024)
        self.assertGreater(usage["total_cpu_s"], 0.1)
        server.call("stop_kernel", notebook_path="a.ipynb")
        self.assertEqual(self.kernels(), [])
        self.assertFalse(self.lives(child))
        self.assertEqual(server.call("list_kernels")["kernels"], [])

    def test_restart_keeps_what_waits(self):
        server = self.serve()
        self.run_code(server, "old = 1")
        pid = self.pid(server)
        _, code = self.gate()
        running = self.submit(server, code)
        rest = [self.submit(server, f"print('old' in dir(), {i})") for i in range(2)]
        self.until_on()
        fresh = server.call("restart_kernel", notebook_path="a.ipynb")
        self.assertNotEqual(fresh["pid"], pid)
        self.assertEqual(self.wait(server, running)["status"], "interrupted")
        done = [self.wait(server, task) for task in rest]
        self.assertEqual([text_of(task["outputs"]) for task in done], ["False 0\n", "False 1\n"])
        self.assertEqual([task["state_lost"] for task in done], [True, True])

    def test_no_more_kernels_than_the_limit(self):
        server = self.serve("--max-kernels", "1")
        self.run_code(server, "pass", "s.ipynb")
        done = self.run_code(server, "1")
        self.assertEqual(done["status"], "failed")
        self.assertIn("--max-kernels", done["error"])
        server.call("stop_kernel", notebook_path="s.ipynb")
        self.assertEqual(self.run_code(server, "1")["status"], "completed")

    def test_an_idle_kernel_is_culled(self):
        server = self.serve("--cull-idle", "0.02")
        self.assertEqual(self.run_code(server, "pass", "s.ipynb")["status"], "completed")
        end = time.monotonic() + LIMIT_S
        while self.kernels():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)
        # Nobody has asked for its end, so the next cell tells that what was there is gone.
        after = self.run_code(server, "pass", "s.ipynb")
        self.assertEqual((after["status"], after["state_lost"]), ("completed", True))

    def test_one_that_dies_while_nothing_runs_is_told_of(self):
        errors = self.folder / "errors"
        with open(errors, "w") as sink:
            server = self.serve(errors=sink)
        self.run_code(server, "1")
        os.kill(self.pid(server), signal.SIGKILL)
        until("the news", lambda: "died while nothing ran on it: it was killed by signal 9"
              in errors.read_text())
        [kernel] = server.call("list_kernels")["kernels"]
        self.assertEqual(kernel["kernel"]["state"], "dead")

    def test_variables_of_a_kernelspec(self):
        """As jupyter_client substitutes them, whatever it is that they say."""
        values = {"KNOWN": "${HOME}/x:$HOME", "UNKNOWN": "${NO_SUCH}:$NO_SUCH", "PRICE": "$$5 $ 7",
                  "BROKEN": "${HOME $1 ${}", "BESIDE": "$HOMEx ${HOME}x"}
        folder = self.folder / "jupyter" / "kernels" / "env"
        folder.mkdir()
        (folder / "kernel.json").write_text(json.dumps(
            {"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
             "display_name": "env", "language": "python", "env": values}))
        self.write("e.ipynb", notebook("1", kernel="env"))
        done = self.run_code(self.serve(), "import os, json\n"
                             f"print(json.dumps([os.environ[name] for name in {list(values)}]))",
                             "e.ipynb")
        expected = [string.Template(value).safe_substitute(self.environment)
                    for value in values.values()]
        self.assertEqual(json.loads(text_of(done["outputs"])), expected)

    def test_one_that_does_not_start_says_why(self):
        folder = self.folder / "jupyter" / "kernels" / "broken"
        folder.mkdir()
        (folder / "kernel.json").write_text(json.dumps(
            {"argv": ["/bin/sh", "-c", "echo no module named x >&2; exit 3"],
             "display_name": "broken", "language": "none"}))
        server = self.serve()
        with self.assertRaises(celldeck.ToolError) as refused:
            server.call("start_kernel", notebook_path="a.ipynb", kernel_name="broken")
        self.assertEqual(refused.exception.code, "no_kernel")
        self.assertIn("no module named x", str(refused.exception))
        self.write("b.ipynb", notebook("1", kernel="broken"))
        done = self.run_code(server, "1", "b.ipynb")
        self.assertEqual((done["status"], done["error_code"]), ("failed", "no_kernel"))
        # One that takes its time is told of with what it says meanwhile.
        (folder / "kernel.json").write_text(json.dumps(
            {"argv": ["/bin/sh", "-c", "echo loads a model >&2; sleep 600"],
             "display_name": "broken", "language": "none"}))
        self.write("c.ipynb", notebook("1", kernel="broken"))
        with self.assertRaises(celldeck.ToolError) as refused:
            server.call("start_kernel", notebook_path="c.ipynb", kernel_name="broken", timeout=1)
        self.assertEqual(refused.exception.code, "timeout")
        self.assertIn("goes on starting; its last words: loads a model", str(refused.exception))

    def test_sessions_are_found(self):
        server = self.serve()
        self.assertFalse(server.call("find_active_session", notebook_path="a.ipynb")["active"])
        _, code = self.gate()
        task = self.submit(server, "print('so far', flush=True)\n" + code)
        self.until_on()
        found = server.call("find_active_session", notebook_path="./a.ipynb")
        self.assertTrue(found["active"])
        self.assertEqual(found["running_task"], task)
        self.until_output(server, task, "so far")
        attached = server.call("attach_session", notebook_path="a.ipynb")
        self.assertEqual(text_of(attached["running_outputs"]), "so far\n")
        self.assertEqual(attached["tasks"][0]["task_id"], task)
        self.assertEqual(len(server.call("list_all_sessions")["sessions"]), 1)


class Place(Kernels):
    def test_folder_and_environment(self):
        (self.work / "sub").mkdir()
        server = self.serve()
        server.call("start_kernel", notebook_path="a.ipynb", environment={"TRIED": "yes"},
                    working_directory="sub")
        done = self.run_code(server, "import os\nprint(os.environ['TRIED'], os.getcwd())")
        self.assertEqual(text_of(done["outputs"]), f"yes {self.work / 'sub'}\n")
        with self.assertRaises(celldeck.ToolError) as refused:
            server.call("start_kernel", notebook_path="a.ipynb", environment={"TRIED": "no"})
        self.assertEqual(refused.exception.code, "conflict")
        moved = server.call("set_working_directory", notebook_path="a.ipynb",
                            working_directory=".")
        self.assertEqual(moved["working_directory"], str(self.work))
        self.assertEqual(server.call("check_working_directory", notebook_path="a.ipynb"), moved)
        # Kept, as the environment is, by the kernel after it.
        server.call("restart_kernel", notebook_path="a.ipynb")
        done = self.run_code(server, "import os\nprint(os.environ['TRIED'], os.getcwd())")
        self.assertEqual(text_of(done["outputs"]), f"yes {self.work}\n")
        for outside in ("..", "/etc", "none"):
            with self.assertRaises(celldeck.ToolError):
                server.call("set_working_directory", notebook_path="a.ipynb",
                            working_directory=outside)

    def venv(self, name, *more):
        path = self.folder / name
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", *more, str(path)],
                       check=True)
        return path

    def test_an_environment_is_used_or_refused(self):
        """"A given venv_path is ignored without a word." """
        good = self.venv("good", "--system-site-packages")
        empty = self.venv("empty")
        server = self.serve()
        for path, word in ((empty, "ipykernel"), (self.folder / "none", "bin/python")):
            with self.assertRaises(celldeck.ToolError) as refused:
                server.call("start_kernel", notebook_path="a.ipynb", venv_path=str(path))
            self.assertIn(word, str(refused.exception))
        server.call("start_kernel", notebook_path="a.ipynb", venv_path=str(good))
        done = self.run_code(server, "import sys\nprint(sys.prefix)")
        self.assertEqual(text_of(done["outputs"]), f"{good}\n")

    def test_a_session_moves_and_what_waits_keeps_its_order(self):
        good = self.venv("good", "--system-site-packages")
        server = self.serve()
        _, code = self.gate()
        running = self.submit(server, code)
        rest = [self.submit(server, f"import sys\nprint(sys.prefix, {i})") for i in range(3)]
        self.until_on()
        pid = self.pid(server)
        with self.assertRaises(celldeck.ToolError):
            server.call("switch_kernel_environment", notebook_path="a.ipynb", kernel_name="none")
        self.assertEqual(self.pid(server), pid)
        moved = server.call("switch_kernel_environment", notebook_path="a.ipynb",
                            venv_path=str(good))
        self.assertEqual(moved["kernel_name"], str(good))
        self.assertEqual(self.wait(server, running)["status"], "interrupted")
        done = [self.wait(server, task) for task in rest]
        self.assertEqual([text_of(task["outputs"]) for task in done],
                         [f"{good} {i}\n" for i in range(3)])
        self.assertEqual([task["execution_count"] for task in done], [1, 2, 3])

    def test_kernels_of_another_language(self):
        server = self.serve()
        self.assertIn("ir", [spec["name"] for spec in
                             server.call("list_kernelspecs")["kernelspecs"]])
        done = self.run_code(server, 'x <- 6 * 7\ncat(x, "\\n")\nx', "r.ipynb")
        self.assertEqual(done["status"], "completed")
        self.assertEqual(text_of(done["outputs"]), "42 \n")
        self.assertEqual(done["outputs"][1]["data"]["text/plain"], "[1] 42")
        failed = self.run_code(server, 'stop("no such thing")', "r.ipynb")
        self.assertEqual(failed["status"], "failed")
        self.assertIn("no such thing", failed["error"])
        task = self.submit(server, 'cat("on\\n"); flush.console(); Sys.sleep(600)', "r.ipynb")
        again = self.submit(server, "cat(x)", "r.ipynb")
        server.call("wait_for_task", task_id=task, timeout_s=2)
        server.call("cancel_execution", notebook_path="r.ipynb", task_id=task)
        self.assertEqual(self.wait(server, task)["status"], "cancelled")
        self.assertEqual(text_of(self.wait(server, again)["outputs"]), "42")
        found = server.call("get_completions", notebook_path="r.ipynb", code="Sys.sle")
        self.assertIn("Sys.sleep", found["matches"])


if __name__ == "__main__":
    celldeck.main()
