"""`celldeck run` on a data folder that another Celldeck has already."""

import json
import os
import signal
import subprocess

import celldeck
from celldeck import FAILED, INTERRUPTED, TIMED_OUT, UNFIT, notebook, text_of


class BesideAnEngine(celldeck.CelldeckTest):
    def setUp(self):
        super().setUp()
        self.server = self.serve()

    def outputs(self, path):
        return [cell["outputs"] for cell in self.read(path)["cells"]]

    def kernels_there(self):
        return [k["notebook_path"] for k in self.server.call("list_kernels")["kernels"]]

    def test_writes_what_a_run_alone_writes(self):
        content = notebook("import os; n = 1", "print(n)", "n + 1", "display({'text/plain': 'd'}, raw=True)")
        content["cells"][3]["source"] = ["from IPython.display import display\n",
                                         "h = display(1, display_id=True); h.update(2)"]
        alone = dict(self.environment, CELLDECK_DATA_DIR=str(self.folder / "other"))
        self.write("a.ipynb", content)
        self.write("b.ipynb", content)
        ended = subprocess.run([celldeck.PROGRAM, "run", "b.ipynb", "--json"], env=alone,
                               cwd=self.work, check=True, capture_output=True, text=True)
        beside = self.celldeck("run", "a.ipynb", "--json")
        self.assertEqual(self.read(self.work / "a.ipynb"), self.read(self.work / "b.ipynb"))
        self.assertEqual(self.outputs(self.work / "a.ipynb")[2][0]["data"]["text/plain"], ["2"])

        def shapes(stdout):
            return [(event["event"], event.get("cell_index"), event.get("status"),
                     event.get("execution_count"), sorted(event))
                    for event in map(json.loads, stdout.splitlines())]
        self.assertEqual(shapes(beside.stdout), shapes(ended.stdout))
        listed = self.server.call("list_tasks")["tasks"]
        self.assertEqual([task["status"] for task in listed], ["completed"] * 4)
        # Its kernel has gone with it.
        self.assertEqual(self.kernels_there(), [])
        self.assertIn("no kernel runs", self.celldeck("kernels", code=FAILED).stderr)
        self.assertIn("no orphans", self.celldeck("orphans", code=FAILED).stderr)

    def test_widgets(self):
        """In place and elsewhere."""
        path = self.write("a.ipynb", notebook(
            "from ipykernel.comm import Comm\n"
            "model = Comm(target_name='jupyter.widget', data={'state': {"
            "'_model_name': 'M', '_model_module': 'm', '_model_module_version': '1', 'value': 3}})\n"
            "print(model.comm_id)"))
        key = "application/vnd.jupyter.widget-state+json"
        for target in (self.work / "b.ipynb", path):
            self.celldeck("run", path, "--output", target)
            written = self.read(target)
            model = text_of(written["cells"][0]["outputs"]).strip()
            state = written["metadata"]["widgets"][key]["state"][model]
            self.assertEqual(state["state"]["value"], 3)

    def test_options(self):
        content = notebook("n = 1", "print(n)", "1/0", "print('after')")
        content["cells"][0]["metadata"]["tags"] = ["parameters"]
        path = self.write("a.ipynb", content)
        before = path.read_bytes()
        self.celldeck("run", path, "--parameter", "n=7", "--allow-errors", "--output", "b.ipynb")
        self.assertEqual(path.read_bytes(), before)
        outputs = self.outputs(self.work / "b.ipynb")
        self.assertEqual(text_of(outputs[2]), "7\n")
        self.assertEqual(outputs[3][0]["ename"], "ZeroDivisionError")
        self.assertEqual(text_of(outputs[4]), "after\n")
        first = {task["task_id"] for task in self.server.call("list_tasks")["tasks"]}
        self.celldeck("run", path, "--replay", "--output", "c.ipynb")
        again = [task for task in self.server.call("list_tasks")["tasks"]
                 if task["task_id"] not in first]
        self.assertEqual({task["replay_of"] for task in again}, first)

    def test_a_failing_cell_stops_the_rest(self):
        path = self.write("a.ipynb", notebook("1/0", "print('never')"))
        ended = self.celldeck("run", path, code=FAILED)
        self.assertIn("ZeroDivisionError", ended.stderr)
        self.assertIn("1 cell did not run", ended.stderr)

    def test_a_time_limit(self):
        path = self.write("a.ipynb", notebook("print('partial', flush=True)\nwhile True: pass"))
        self.celldeck("run", path, "--timeout", "1", code=TIMED_OUT)
        self.assertEqual(text_of(self.outputs(path)[0]), "partial\n")

    def test_an_interrupt_cancels_what_it_had_submitted(self):
        flag = self.work / "started"
        path = self.write("a.ipynb", notebook(
            f"print('begun', flush=True); open({str(flag)!r}, 'w').close()\nwhile True: pass", "2"))
        other = self.write("b.ipynb", notebook("import time; time.sleep(1); 'kept'"))
        os.mkfifo(flag)
        run = subprocess.Popen([celldeck.PROGRAM, "run", str(path)], env=self.environment,
                               stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        with open(flag):  # opens when the cell does
            pass
        task = self.server.call("run_cell_async", notebook_path=str(other), index=0)["task_id"]
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=celldeck.LIMIT_S)
        self.assertEqual(run.returncode, INTERRUPTED, said)
        self.assertEqual(text_of(self.outputs(path)[0]), "begun\n")
        ours = self.server.call("list_tasks", filter={"notebook_path": str(path)})["tasks"]
        self.assertEqual({task["status"] for task in ours}, {"cancelled"})
        self.assertEqual(self.server.call("wait_for_task", task_id=task)["status"], "completed")

    def test_a_kernel_that_is_there_is_used_and_kept(self):
        path = self.write("a.ipynb", notebook("print(n)"))
        task = self.server.call("run_cell_async", notebook_path=str(path), index=0,
                                code_override="n = 'of before'")["task_id"]
        self.server.call("wait_for_task", task_id=task)
        ended = self.celldeck("run", path)
        self.assertIn("has a kernel in the running engine already", ended.stderr)
        self.assertEqual(text_of(self.outputs(path)[0]), "of before\n")
        self.assertEqual(self.kernels_there(), [str(path)])
        # On a terminal the bar makes room for what is said in between.
        code, shown = self.on_a_terminal("run", path)
        self.assertEqual(code, 0)
        self.assertRegex(shown, rb"\r\x1b\[Kcelldeck: [^\r]* has a kernel [^\r]*\r\n\r\x1b\[Ka.ipynb")
        refused = self.celldeck("run", path, "--kernel", "ir", code=UNFIT)
        self.assertIn("has the kernel python3 in the running engine", refused.stderr)

    def test_each_notebook_gives_its_kernel_back(self):
        self.server.end()
        self.server = self.serve("--max-kernels", "1")
        for name in "abc":
            self.write(f"{name}.ipynb", notebook(repr(name)))
        self.celldeck("run", "a.ipynb", "b.ipynb", "c.ipynb")
        self.assertEqual(self.outputs(self.work / "c.ipynb")[0][0]["data"]["text/plain"], ["'c'"])

    def test_outside_of_its_workspace(self):
        path = self.folder / "elsewhere.ipynb"
        path.write_text(json.dumps(notebook("1")))
        refused = self.celldeck("run", path, code=UNFIT)
        self.assertIn("outside of the workspace", refused.stderr)
        self.assertIn("--data-dir", refused.stderr)

    def test_a_cell_that_asks_is_told_of(self):
        path = self.write("a.ipynb", notebook("print(input('your name? '))"))
        run = subprocess.Popen([celldeck.PROGRAM, "run", str(path)], env=self.environment,
                               stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in run.stderr:
            if "your name?" in line:
                break
        self.server.call("submit_input", notebook_path=str(path), text="Ada")
        run.communicate(timeout=celldeck.LIMIT_S)
        self.assertEqual(run.returncode, 0)
        self.assertEqual(text_of(self.outputs(path)[0]), "Ada\n")

    def test_an_engine_that_ends_keeps_what_it_has_accepted(self):
        self.end_it(self.server.end, "interrupted")

    def test_an_engine_that_is_killed_keeps_what_it_has_accepted(self):
        said = self.end_it(self.server.kill, "running")
        # It waited for an answer then, or was about to ask.
        self.assertRegex(said, "has ended before it answered|does not answer: Connection refused")

    def end_it(self, how, state):
        flag = self.work / "started"
        path = self.write("a.ipynb", notebook(f"open({str(flag)!r}, 'w').close()\nwhile True: pass",
                                              "2"))
        os.mkfifo(flag)
        run = subprocess.Popen([celldeck.PROGRAM, "run", str(path)], env=self.environment,
                               stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        with open(flag):
            pass
        how()
        _, said = run.communicate(timeout=celldeck.LIMIT_S)
        self.assertEqual(run.returncode, UNFIT, said)
        self.assertIn("stays in its queue", said)
        states = [json.loads(line)["status"]
                  for line in self.celldeck("tasks", "--json").stdout.splitlines()]
        self.assertEqual(states, ["pending", state])
        return said


class BesideARun(celldeck.CelldeckTest):
    def start(self, path):
        return subprocess.Popen([celldeck.PROGRAM, "run", str(path)], env=self.environment,
                                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def first(self):
        """A run that goes on until its process is ended."""
        flag = self.work / "started"
        os.mkfifo(flag)
        path = self.write("long.ipynb", notebook(
            f"open({str(flag)!r}, 'w').close()\nwhile True: pass"))
        run = self.start(path)
        self.addCleanup(run.stderr.close)
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        with open(flag):
            pass
        return run

    def test_the_second_waits_and_runs(self):
        for how in (signal.SIGINT, signal.SIGKILL):
            with self.subTest(how):
                (self.work / "started").unlink(missing_ok=True)
                first = self.first()
                path = self.write("a.ipynb", notebook("1"))
                second = self.start(path)
                said = second.stderr.readline()
                self.assertIn(f"waiting until another Celldeck leaves the data folder {self.data} "
                              f"(process {first.pid},", said)
                first.send_signal(how)
                _, more = second.communicate(timeout=celldeck.LIMIT_S)
                self.assertEqual(second.returncode, 0, more)
                self.assertEqual(self.read(path)["cells"][0]["execution_count"], 1)

    def test_the_second_is_interrupted(self):
        first = self.first()
        second = self.start(self.write("a.ipynb", notebook("1")))
        second.stderr.readline()
        second.send_signal(signal.SIGINT)
        second.communicate(timeout=celldeck.LIMIT_S)
        self.assertEqual(second.returncode, INTERRUPTED)
        self.assertIsNone(first.poll())


if __name__ == "__main__":
    celldeck.main()
