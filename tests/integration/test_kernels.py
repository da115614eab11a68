"""Kernels over the endpoint: their life, their death, what cells ask, what nobody asked for.

Each test of a row of FIELD.md section 1 says which in its text.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest

import celldeck
from celldeck import LIMIT_S, notebook, text_of


def say(text, **more):
    return {"send": "stream", "content": {"name": "stdout", "text": text}, **more}


def script(*steps):
    return json.dumps(list(steps))


REPLY, IDLE = {"reply": {}}, {"idle": 1}


class Kernels(celldeck.CelldeckTest):
    def setUp(self):
        super().setUp()
        self.write("a.ipynb", notebook("1"))
        self.write("s.ipynb", notebook("1", kernel="scripted"))
        self.write("r.ipynb", notebook("1", kernel="ir"))
        self.add_scripted_kernel()
        self.add_scripted_kernel("scripted-message", "message")

    def submit(self, server, code, path="a.ipynb"):
        return server.call("run_cell_async", notebook_path=path, index=0,
                           code_override=code)["task_id"]

    def wait(self, server, task):
        return server.call("wait_for_task", task_id=task, timeout_s=LIMIT_S)

    def run_code(self, server, code, path="a.ipynb"):
        return self.wait(server, self.submit(server, code, path))

    def gate(self, name="gate"):
        """A cell that runs until `open_gate`, and has shown that it runs."""
        path = self.work / name
        os.mkfifo(path)
        return path, f"open({str(self.work / (name + '.on'))!r}, 'w').close()\n" \
                     f"open({str(path)!r}).close()"

    def until_on(self, name="gate"):
        on = self.work / (name + ".on")
        end = time.monotonic() + LIMIT_S
        while not on.exists():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    def lives(self, pid):
        """Whether a process is there that is more than an entry for whoever asks how it ended."""
        try:
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        except FileNotFoundError:
            return False
        return stat.rsplit(")", 1)[1].split()[0] != "Z"

    def pid(self, server, path="a.ipynb"):
        [kernel] = [k for k in server.call("list_kernels")["kernels"]
                    if k["notebook_path"] == str(self.work / path)]
        return kernel["kernel"]["pid"]


class Life(Kernels):
    def test_a_dead_kernel_fails_its_task_within_a_second(self):
        """"After a kernel's death its task ids become not_found, 29 s later." """
        server = self.serve()
        deaths = {
            "exit": "import os\nprint('last', flush=True)\nos._exit(9)",
            "segfault": "import ctypes\nctypes.string_at(0)",
        }
        for name, code in deaths.items():
            with self.subTest(name):
                done = self.run_code(server, code)
                self.assertEqual((done["status"], done["error_code"]), ("failed", "kernel_died"))
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

    def hold_back(self):
        """A cell whose request is held back for some seconds: its kernel would not be heard when
        it asks."""
        self.add_scripted_kernel("scripted-mute", "signal", "stdin=never")
        book = notebook("1", kernel="scripted-mute")
        book["cells"][0]["outputs"] = [
            {"output_type": "stream", "name": "stdout", "text": ["before\n"]}]
        path = self.write("q.ipynb", book)
        server = self.serve()
        task = server.call("run_cell_async", notebook_path="q.ipynb", index=0)["task_id"]
        celldeck.until("its beginning", lambda: server.call(
            "get_execution_status", task_id=task)["status"] == "running")
        return server, task, path, path.read_bytes()

    def test_what_has_not_left_yet_leaves_its_notebook_alone(self):
        """Nor does the engine after a crash write what was not there."""
        for tool, status, error in (
                ("cancel_execution", "cancelled", "cancelled before its kernel took it"),
                ("stop_kernel", "cancelled", "its kernel was stopped before it ran")):
            with self.subTest(tool):
                server, task, path, before = self.hold_back()
                server.call(tool, notebook_path="q.ipynb",
                            **({"task_id": task} if tool == "cancel_execution" else {}))
                done = self.wait(server, task)
                self.assertEqual((done["status"], done["error"]), (status, error))
                self.assertIsNone(done.get("started_at"))
                server.kill()
                self.assertEqual(self.serve().end(), 0)
                self.assertEqual(path.read_bytes(), before)
                shutil.rmtree(self.folder / "jupyter" / "kernels" / "scripted-mute")

    def test_what_has_not_left_yet_runs_on_the_next_kernel(self):
        server, task, _, _ = self.hold_back()
        server.call("restart_kernel", notebook_path="q.ipynb")
        done = self.wait(server, task)
        self.assertEqual(done["status"], "completed")
        self.assertTrue(done["state_lost"])

    def test_what_has_not_left_yet_when_the_engine_stops(self):
        server, task, path, before = self.hold_back()
        self.assertEqual(server.end(), 0)
        server = self.serve()
        done = self.wait(server, task)
        self.assertEqual((done["status"], done["error"]),
                         ("interrupted", "the engine was stopped before it ran"))
        self.assertEqual(path.read_bytes(), before)

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
        self.assertEqual(self.run_code(server, "pass", "s.ipynb")["status"], "completed")

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


class Input(Kernels):
    def test_a_cell_asks_and_is_answered(self):
        server = self.serve()
        task = self.submit(server, "name = input('Who? ')\nprint('hello', name)")
        asked = self.wait(server, task)  # Woken by the question, and not by a limit.
        self.assertEqual((asked["status"], asked["timed_out"]), ("running", False))
        self.assertEqual(asked["input_request"], {"prompt": "Who? ", "password": False})
        server.call("submit_input", notebook_path="a.ipynb", text="Ada")
        done = self.wait(server, task)
        self.assertEqual((done["status"], text_of(done["outputs"])), ("completed", "hello Ada\n"))
        self.assertIsNone(done["input_request"])
        with self.assertRaises(celldeck.ToolError) as refused:
            server.call("submit_input", notebook_path="a.ipynb", text="again")
        self.assertEqual(refused.exception.code, "conflict")

    def test_a_password_is_nowhere(self):
        """"Secrets typed in stay in outputs and in the notebook." """
        secret = "correct-horse-battery"
        errors = open(self.folder / "errors", "w+")
        self.addCleanup(errors.close)
        self.environment["QT_LOGGING_RULES"] = "celldeck.*=true"
        server = self.serve(errors=errors)
        task = self.submit(server, "import getpass\np = getpass.getpass('Key: ')\nprint(len(p))")
        self.assertEqual(self.wait(server, task)["input_request"],
                         {"prompt": "Key: ", "password": True})
        server.call("submit_input", notebook_path="a.ipynb", text=secret)
        done = self.wait(server, task)
        self.assertEqual(text_of(done["outputs"]), f"{len(secret)}\n")
        self.assertEqual(server.end(), 0)
        for path in self.folder.rglob("*"):
            if path.is_file() and not path.is_fifo():
                self.assertNotIn(secret.encode(), path.read_bytes(), path)

    def test_where_nobody_can_answer_it_fails_at_once(self):
        path = self.write("i.ipynb", notebook("input('?')"))
        ended = self.celldeck("run", path, code=celldeck.FAILED)
        self.assertIn("StdinNotImplementedError", ended.stdout + ended.stderr)

    def test_a_cell_that_asks_can_be_cancelled(self):
        server = self.serve()
        task = self.submit(server, "input()")
        self.assertIsNotNone(self.wait(server, task)["input_request"])
        after = self.submit(server, "print(1)")
        server.call("cancel_execution", notebook_path="a.ipynb", task_id=task)
        self.assertEqual(self.wait(server, task)["status"], "cancelled")
        self.assertEqual(self.wait(server, after)["status"], "completed")


class Orphans(Kernels):
    def flood(self, server, **step):
        return self.run_code(server, script(say("no", **step), say("mine"), REPLY, IDLE),
                             "s.ipynb")

    def test_they_belong_to_no_cell_until_somebody_says_so(self):
        """"Orphans more than a second old are routed to the most recent other execution"; "a
        message for request 7 landed in cell 3"."""
        server = self.serve()
        first = self.run_code(server, "pass", "s.ipynb")["task_id"]
        second = self.run_code(
            server, script(say("late", parent="before"), say("mine"), REPLY, IDLE), "s.ipynb")
        self.assertEqual(text_of(second["outputs"]), "mine")
        orphans = server.call("list_orphans")
        [ring] = orphans["rings"]
        self.assertEqual((ring["messages"], orphans["dropped"]), (1, 0))
        named = {"notebook_path": "s.ipynb", "parent_id": ring["parent_id"]}
        self.assertEqual(text_of(server.call("read_orphans", **named)["outputs"]), "late")
        listed = self.celldeck("orphans").stdout
        self.assertIn(ring["parent_id"], listed)
        as_json = [json.loads(line) for line in
                   self.celldeck("orphans", "--json").stdout.splitlines()]
        self.assertEqual(as_json[0]["messages"], 1)
        server.call("adopt_orphans", **named, task_id=first)
        with self.assertRaises(celldeck.ToolError):
            server.call("read_orphans", **named)
        self.assertEqual(server.end(), 0)
        # Shown with the task, after a restart too, whose own record is as it was.
        server = self.serve()
        task = server.call("get_execution_status", task_id=first)
        self.assertEqual(task["outputs"], [])
        self.assertEqual(text_of(task["adopted"][0]["outputs"]), "late")
        self.assertIn("late", self.celldeck("show", first).stdout)

    def test_a_flood_of_parents_leaves_memory_flat(self):
        """"Parent ids unbounded; no drop counter." """
        self.measure_memory()
        server = self.serve()

        def resident():
            pages = pathlib.Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
            return int(pages) * os.sysconf("SC_PAGESIZE")

        self.flood(server, parent="warm #", count=20_000)
        before = resident()
        done = self.flood(server, parent="unknown #", count=100_000)
        self.assertEqual(text_of(done["outputs"]), "mine")
        celldeck.until("memory is as it was", lambda: resident() - before <
                       celldeck.MEMORY_FACTOR * 20 * 1024 * 1024)
        orphans = server.call("list_orphans")
        self.assertEqual(orphans["messages"], 1_024)
        self.assertEqual(orphans["dropped"], 120_000 - 1_024)
        self.assertEqual(orphans["dropped_by_notebook"],
                         {str(self.work / "s.ipynb"): orphans["dropped"]})
        ring = orphans["rings"][0]
        server.call("discard_orphans", notebook_path="s.ipynb", parent_id=ring["parent_id"])
        self.assertEqual(server.call("list_orphans")["messages"], 1_023)

    def test_a_ring_keeps_the_last_thousand(self):
        server = self.serve()
        self.flood(server, parent="one", count=1_500)
        [ring] = server.call("list_orphans")["rings"]
        self.assertEqual((ring["messages"], ring["dropped"]), (1_000, 500))


class Help(Kernels):
    def test_variables_leave_no_trace(self):
        server = self.serve()
        before = text_of(self.run_code(server, "x = 41\nname = 'Ada'\nrows = [1, 2, 3]\n"
                                               "import math\nnames = sorted(globals())\n"
                                               "print(len(names))")["outputs"])
        found = server.call("list_variables", notebook_path="a.ipynb")
        kinds = {v["name"]: (v["type"], v["value"], v["size"]) for v in found["variables"]}
        self.assertEqual(kinds, {"x": ("int", "41", None), "name": ("str", "'Ada'", 3),
                                 "rows": ("list", None, 3), "names": ("list", None, int(before))})
        info = server.call("get_variable_info", notebook_path="a.ipynb", name="rows")
        self.assertEqual(info["text"], "[1, 2, 3]")
        after = self.run_code(server, "print(sorted(set(globals()) - set(names)), Out)")
        # What IPython itself adds for a second cell, and what the first has made last.
        self.assertEqual(text_of(after["outputs"]), "['_i2', 'names'] {}\n")
        self.assertEqual(after["execution_count"], 2)

    def test_the_manifest_has_the_biggest_first(self):
        server = self.serve()
        self.run_code(server, "import numpy\nlittle = 1\nbig = numpy.zeros(1_000_000)\n"
                              "class Sly:\n"
                              "    def __sizeof__(self): raise SystemExit('ran')\nsly = Sly()")
        told = server.call("get_variable_manifest", notebook_path="a.ipynb")
        sizes = {v["name"]: v["bytes"] for v in told["variables"]}
        self.assertEqual(told["variables"][0]["name"], "big")
        self.assertEqual((sizes["big"], sizes["sly"]), (8_000_000, None))
        self.assertEqual(told["bytes"], sum(size or 0 for size in sizes.values()))
        self.assertEqual(told["count"], len(sizes))
        two = server.call("get_variable_manifest", notebook_path="a.ipynb", limit=2)
        self.assertEqual((len(two["variables"]), two["count"]), (2, len(sizes)))

    def test_what_is_inside_a_variable(self):
        server = self.serve()
        self.run_code(server, """
import collections, numpy, pandas
table = pandas.DataFrame({"year": [1999, 2000, 2001], "rate": [0.5, None, 1.5]})
column = table["rate"]
grid = numpy.arange(12).reshape(3, 4)
config = {"path": "/tmp", 7: [1, 2], ("a", 1): None}
ordered = collections.OrderedDict(a=1)
many = list(range(1000))
text = "x" * 5000
huge = 10 ** 6000
def scale(value, by=2):
    'Makes it bigger.'
ran = []
class Model:
    def __init__(self): self.depth, self.parts = 3, [1]
    @property
    def area(self): ran.append("area")
    def __repr__(self): ran.append("repr"); return "Model"
    def __len__(self): ran.append("len"); return 1
class Odd(dict):
    def __iter__(self): ran.append("iter"); return iter(())
    def __getitem__(self, key): ran.append("getitem")
    def keys(self): ran.append("keys"); return []
class Meta(type):
    def __eq__(self, other): ran.append("meta"); return False
    __hash__ = type.__hash__
class Sly(metaclass=Meta):
    def __repr__(self): ran.append("repr"); raise SystemExit
    def __getattr__(self, name): ran.append(name); raise AttributeError
    def __sizeof__(self): ran.append("sizeof"); return 1
    @property
    def __dict__(self): ran.append("dict"); return {}
    @property
    def __class__(self): ran.append("class"); return int
model, odd, sly = Model(), Odd(a=1), Sly()
def trap(by=Sly(), *, to=3): pass
objects = numpy.array([Sly(), "x"], dtype=object)
mixed = pandas.DataFrame({"o": [Sly(), "x"]})
labelled = pandas.DataFrame([[1]], columns=pandas.Index([Sly()], dtype=object))
chosen = pandas.DataFrame({"c": pandas.Series(pandas.Categorical.from_codes([0], [Sly()]))})
groups = table.groupby("year")
half = "a" + chr(0xdc80)
ran.clear()  # numpy and pandas have asked it themselves
bytes, exec = 5, lambda *more: ran.append("exec")
names = sorted(globals())
""")
        inside = lambda name, **more: server.call("inspect_variable", notebook_path="a.ipynb",
                                                  name=name, **more)
        rows = lambda told: [(i["key"], i["type"], i["value"]) for i in told["items"]]
        table = inside("table", max_items=2)
        self.assertEqual(table["shape"], [3, 2])
        self.assertEqual(rows(table), [("year", "int64", "0 missing"),
                                       ("rate", "float64", "1 missing")])
        self.assertIn("2000", table["text"])
        self.assertNotIn("2001", table["text"])
        self.assertEqual(rows(inside("column")), [("dtype", "float64", None)])
        grid = inside("grid")
        self.assertEqual(rows(grid), [("dtype", "int64", None), ("min", "int64", "0"),
                                      ("max", "int64", "11")])
        self.assertEqual(grid["bytes"], 96)
        self.assertEqual(rows(inside("config")), [
            ("'path'", "str", "'/tmp'"), ("7", "list", "2 items"), ("<tuple>", "NoneType", "None")])
        self.assertEqual(rows(inside("ordered")), [("'a'", "int", "1")])
        self.assertEqual(rows(inside("many", max_items=2)), [("0", "int", "0"), ("1", "int", "1")])
        self.assertEqual(inside("many")["size"], 1_000)
        self.assertEqual(inside("text")["text"], "x" * 2_000)
        self.assertEqual(inside("huge")["text"], "an integer of 19932 bits")
        self.assertEqual(inside("scale")["text"], "scale(value, by=2)\nMakes it bigger.")
        self.assertEqual(rows(inside("model")), [("depth", "int", "3"), ("parts", "list", "1 items")])
        self.assertEqual(rows(inside("odd")), [("'a'", "int", "1")])
        self.assertEqual(inside("trap")["text"], "trap(by=<Sly>, *, to=3)")
        self.assertEqual(rows(inside("objects"))[1:], [("0", "Sly", None), ("1", "str", "'x'")])
        self.assertIn("<Sly>", inside("mixed")["text"])
        self.assertEqual(inside("half")["text"], "a?")
        self.assertEqual(rows(inside("labelled")), [("<Sly>", "int64", "0 missing")])
        self.assertIn("<Sly>", inside("chosen")["text"])
        for name in ("sly", "groups", "Sly", "bytes"):
            inside(name)
        for tool in ("list_variables", "get_variable_manifest"):
            server.call(tool, notebook_path="a.ipynb")
        after = self.run_code(server, "print(ran, sorted(set(globals()) - set(names)))")
        self.assertEqual(text_of(after["outputs"]), "[] ['_i2', 'names']\n")
        with self.assertRaises(celldeck.ToolError) as refused:
            inside("nix")
        self.assertEqual(refused.exception.code, "not_found")

    def test_a_name_is_never_run_as_code(self):
        server = self.serve()
        self.run_code(server, "1")
        trap = self.work / "trap"
        for name in (f"open({str(trap)!r}, 'w')", "x') or __import__('os').abort() or ('",
                     "__import__('os').abort()", "\\", "'", "日本"):
            for tool in ("get_variable_info", "inspect_variable"):
                with self.subTest(name, tool=tool), self.assertRaises(celldeck.ToolError) as refused:
                    server.call(tool, notebook_path="a.ipynb", name=name)
                self.assertEqual(refused.exception.code, "not_found")
        self.assertFalse(trap.exists())
        self.assertEqual(self.run_code(server, "1")["status"], "completed")

    def test_help(self):
        server = self.serve()
        self.run_code(server, "def greet(name):\n    'Says hello.'\ntotal = 1")
        found = server.call("get_completions", notebook_path="a.ipynb", code="é = gre")
        self.assertIn("greet", found["matches"])
        self.assertEqual((found["cursor_start"], found["cursor_end"]), (4, 7))
        told = server.call("inspect_code", notebook_path="a.ipynb", code="greet")
        self.assertIn("Says hello.", told["data"]["text/plain"])
        self.assertFalse(server.call("inspect_code", notebook_path="a.ipynb", code="nix")["found"])
        history = server.call("get_kernel_history", notebook_path="a.ipynb")["history"]
        self.assertIn("total = 1", history[-1]["code"])
        for code, status in (("for i in x:", "incomplete"), ("1 +* 1", "invalid"),
                             ("1", "complete")):
            self.assertEqual(
                server.call("is_code_complete", notebook_path="a.ipynb", code=code)["status"],
                status)

    def test_without_a_kernel_it_says_so(self):
        server = self.serve()
        for tool, more in (("list_variables", {}), ("get_completions", {"code": "x"}),
                           ("interrupt_kernel", {}), ("restart_kernel", {}),
                           ("check_kernel_resources", {})):
            with self.subTest(tool), self.assertRaises(celldeck.ToolError) as refused:
                server.call(tool, notebook_path="a.ipynb", **more)
            self.assertEqual(refused.exception.code, "no_kernel")


if __name__ == "__main__":
    celldeck.main()
