"""`celldeck run`, `tasks`, `show` and `stats` as a person in a shell meets them."""

import json
import os
import pathlib
import re
import signal
import subprocess

import celldeck
from celldeck import FAILED, INTERRUPTED, TIMED_OUT, UNFIT, USAGE, notebook, text_of, until


class Run(celldeck.CelldeckTest):
    def outputs(self, path):
        return [cell["outputs"] for cell in self.read(path)["cells"]]

    def tasks(self, *options):
        listed = self.celldeck("tasks", "--json", *options).stdout
        return [json.loads(line) for line in listed.splitlines()]

    def test_in_place_changes_only_what_ran(self):
        path = self.write("a.ipynb", notebook("print('one')", "2"))
        self.celldeck("run", "a.ipynb")
        after = self.read(path)
        self.assertEqual(text_of(after["cells"][0]["outputs"]), "one\n")
        self.assertEqual([cell["execution_count"] for cell in after["cells"]], [1, 2])
        for cell in after["cells"]:
            cell.update(outputs=[], execution_count=None)
        self.assertEqual(after, notebook("print('one')", "2"))

    def test_output_leaves_the_source_alone(self):
        path = self.write("a.ipynb", notebook("1"))
        before = path.read_bytes()
        self.celldeck("run", path, "--output", self.work / "b.ipynb")
        self.assertEqual(path.read_bytes(), before)
        self.assertEqual(self.outputs(self.work / "b.ipynb")[0][0]["data"]["text/plain"], ["1"])

    def test_a_failing_cell_stops_the_rest(self):
        path = self.write("a.ipynb", notebook("print('x')", "1/0", "print('never')"))
        ended = self.celldeck("run", path, code=FAILED)
        self.assertIn("ZeroDivisionError", ended.stderr)
        self.assertNotIn("cell 2", ended.stderr)
        self.assertIn("1 cell did not run", ended.stderr)
        outputs = self.outputs(path)
        self.assertEqual(outputs[1][0]["ename"], "ZeroDivisionError")
        self.assertEqual(outputs[2], [])

    def test_allow_errors_goes_on(self):
        path = self.write("a.ipynb", notebook("1/0", "print('after')"))
        self.celldeck("run", path, "--allow-errors")
        self.assertEqual(text_of(self.outputs(path)[1]), "after\n")

    def test_a_cell_tagged_raises_exception_may_raise(self):
        content = notebook("1/0", "print('after')")
        content["cells"][0]["metadata"]["tags"] = ["raises-exception"]
        path = self.write("a.ipynb", content)
        self.celldeck("run", path)
        self.assertEqual(text_of(self.outputs(path)[1]), "after\n")

    def test_a_time_limit(self):
        path = self.write("a.ipynb", notebook("print('partial', flush=True)\nwhile True: pass"))
        self.celldeck("run", path, "--timeout", "1", code=TIMED_OUT)
        self.assertEqual(text_of(self.outputs(path)[0]), "partial\n")

    def test_parameters(self):
        content = notebook("year = 1; name = ''; flags = None", "print(year, name, flags)")
        content["cells"][0]["metadata"]["tags"] = ["parameters"]
        path = self.write("a.ipynb", content)
        self.celldeck("run", path, "--parameter", "year=2026", "--parameter", "name=Ada L.",
                      "--parameter", "flags=[true, null]", "--output", self.work / "b.ipynb")
        cells = self.read(self.work / "b.ipynb")["cells"]
        self.assertEqual(cells[1]["metadata"]["tags"], ["injected-parameters"])
        self.assertEqual(text_of(cells[2]["outputs"]), "2026 Ada L. [True, None]\n")

    def test_an_edit_meanwhile_stays(self):
        """In place, with parameters as without, and where they are in the file already."""
        edit = ("import json; book = json.load(open('a.ipynb'));"
                " book['cells'].append({'cell_type': 'markdown', 'id': f'note-{len(json.dumps(book))}',"
                " 'metadata': {}, 'source': [f'of {year}']});"
                " json.dump(book, open('a.ipynb', 'w')); print(year)")
        content = notebook("year = 1", edit)
        content["cells"][0]["metadata"]["tags"] = ["parameters"]
        path = self.write("a.ipynb", content)
        for arguments, year in ((["--parameter", "year=2026"], 2026), ([], 2026),
                                (["--parameter", "year=2027"], 2027)):
            self.celldeck("run", path, *arguments)
            cells = self.read(path)["cells"]
            self.assertEqual(cells[-1]["source"], [f"of {year}"])
            self.assertEqual(text_of(cells[2]["outputs"]), f"{year}\n")
        self.assertEqual(len(cells), 6)
        self.assertEqual(cells[1]["source"], ["# Parameters\n", "year = 2027"])

    def test_a_notebook_that_goes_meanwhile_stays_away(self):
        path = self.write("a.ipynb", notebook("import os; os.remove('a.ipynb'); print('gone')"))
        ended = self.celldeck("run", path, "--parameter", "year=1", code=FAILED)
        self.assertIn("kept with its tasks", ended.stderr)
        self.assertFalse(path.exists())
        # Who reads events alone is told too.
        path = self.write("a.ipynb", notebook(f"import os; os.remove({str(path)!r})"))
        ended = self.celldeck("run", path, "--json", code=FAILED)
        events = [json.loads(line) for line in ended.stdout.splitlines()]
        [told] = [event["text"] for event in events if event["event"] == "message"]
        self.assertIn("kept with its tasks", told)

    def test_events(self):
        path = self.write("a.ipynb", notebook("1", "1/0", "2"))
        ended = self.celldeck("run", path, "--json", code=FAILED)
        events = [json.loads(line) for line in ended.stdout.splitlines()]
        names = [event["event"] for event in events]
        self.assertEqual((names[0], events[0]["kernel"]), ("notebook_started", "python3"))
        self.assertEqual(names[-1], "notebook_finished")
        finished = [e["status"] for e in events if e["event"] == "task_finished"]
        self.assertEqual(finished, ["completed", "failed", "cancelled"])
        self.assertTrue(all("time" in event for event in events))

    def test_a_bar_on_a_terminal(self):
        path = self.write("a.ipynb", notebook("1", "2"))
        code, shown = self.on_a_terminal("run", path)
        self.assertEqual(code, 0)
        self.assertIn("█".encode(), shown)
        self.assertIn(b"2/2", shown)
        # Cells are queued at once: that begins none of them.
        self.assertIn(b"starting the kernel", shown[:shown.index(b"cell 0")])

    def test_a_text_too_long_for_memory(self):
        """It is whole in the notebook, and with its task, and no folder appears beside them."""
        size = 3 << 20
        path = self.write("a.ipynb", notebook(
            f"for _ in range(3): print('x' * {1 << 20}, end='', flush=True)"))
        self.celldeck("run", path)
        self.assertEqual(text_of(self.outputs(path)[0]), "x" * size)
        self.assertEqual([entry.name for entry in self.work.iterdir() if entry.is_dir()], [])
        [task] = self.tasks()
        [output] = json.loads(self.celldeck("show", "--json", task["task_id"]).stdout)["outputs"]
        [asset] = output["assets"]
        self.assertEqual(asset["bytes"], size)
        file = pathlib.Path(asset["path"])
        self.assertEqual(file.stat().st_size, size)
        # For its owner's eyes, as all in the data folder; and nothing is left besides.
        self.assertEqual(file.parent.stat().st_mode & 0o777, 0o700)
        self.assertEqual([entry.name for entry in file.parent.iterdir()], [file.name])
        # It goes with its task: to the trash first.
        self.celldeck("cleanup", "--age-hours", "0")
        self.assertFalse(file.exists())

    def test_a_text_too_long_for_a_notebook(self):
        path = self.write("a.ipynb", notebook(
            f"for _ in range(66): print('begins' + 'x' * {1 << 20} + 'ends', end='', flush=True)"))
        # Where it was written elsewhere the text stands beside it, and nobody's sweep removes that.
        for target, folder in ((path, self.data / "assets"), (self.work / "b.ipynb", self.work)):
            ended = self.celldeck("run", path, "--output", target)
            [file] = re.findall(r"cell 0: .* too long for a notebook.* is in (.*)", ended.stderr)
            self.assertEqual(pathlib.Path(file).stat().st_size, 66 * ((1 << 20) + 10))
            self.assertEqual(pathlib.Path(file).parent, folder)
            text = text_of(self.outputs(target)[0])
            self.assertLess(len(text), 3_000)
            self.assertTrue(text.startswith("begins") and text.endswith("ends"), text)
            if target == path:
                whole = pathlib.Path(file)
        # An engine that serves gives it a part at a time.
        found = self.serve().call("read_asset", asset=whole.name, search="begins")
        self.assertEqual((found["total_lines"], found["lines"][0]["number"]), (1, 1))

    def test_no_folder_for_long_texts(self):
        """They stay in memory then, and nothing is lost."""
        self.data.mkdir()
        (self.data / "assets").write_text("in the way")
        path = self.write("a.ipynb", notebook(
            f"for _ in range(3): print('x' * {1 << 20}, end='', flush=True)"))
        self.celldeck("run", path)
        self.assertEqual(text_of(self.outputs(path)[0]), "x" * (3 << 20))

    def test_interrupted(self):
        flag = self.work / "started"
        path = self.write("a.ipynb", notebook(
            f"print('begun', flush=True); open({str(flag)!r}, 'w').close()\nwhile True: pass", "2"))
        os.mkfifo(flag)
        run = subprocess.Popen([celldeck.PROGRAM, "run", str(path)], env=self.environment,
                               stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        with open(flag):  # opens when the cell does
            pass
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=celldeck.LIMIT_S)
        self.assertEqual(run.returncode, INTERRUPTED, said)
        self.assertEqual(text_of(self.outputs(path)[0]), "begun\n")
        self.assertEqual({task["status"] for task in self.tasks()}, {"cancelled"})

    def test_killed_it_takes_its_kernel_with_it(self):
        self.add_scripted_kernel()
        for kernel, code in (("python3", "import time\ntime.sleep(600)"),
                             ("scripted", '[{"sleep": 600000}]')):
            with self.subTest(kernel):
                path = self.write("a.ipynb", notebook(code, kernel=kernel))
                run = subprocess.Popen([celldeck.PROGRAM, "run", str(path)], env=self.environment,
                                       stdin=subprocess.DEVNULL)
                until("its kernel", self.kernels)
                run.kill()
                run.wait()
                until("its end", lambda: not self.kernels())

    def test_the_log_of_what_ran(self):
        path = self.write("a.ipynb", notebook("print('seen')", "1/0"))
        self.celldeck("run", path, code=FAILED)
        tasks = self.tasks()
        self.assertEqual([task["status"] for task in tasks], ["failed", "completed"])
        failed = self.tasks("--state", "failed")
        self.assertEqual([task["task_id"] for task in failed], [tasks[0]["task_id"]])
        shown = self.celldeck("show", tasks[1]["task_id"]).stdout
        self.assertIn("print('seen')", shown)
        self.assertIn("\nseen\n", shown)
        stats = json.loads(self.celldeck("stats", "--json").stdout)
        self.assertEqual((stats["completed"], stats["failed"], stats["pending"]), (1, 1, 0))
        none = self.celldeck("tasks", "--notebook", "other.ipynb", code=FAILED)
        self.assertIn("no task matches", none.stderr)
        self.celldeck("show", "no-such-task", code=FAILED)

    def test_replay(self):
        path = self.write("a.ipynb", notebook("import os; n = 1", "print(n, os.path.exists('x'))",
                                              "1/0", "print('never')"))
        ended = self.celldeck("run", path, "--replay", code=FAILED)
        self.assertIn("nothing to replay", ended.stderr)
        self.celldeck("run", path, code=FAILED)
        before = path.read_bytes()
        first = {task["task_id"]: task for task in self.tasks()}
        (self.work / "x").touch()
        self.celldeck("run", path, "--replay", "--output", "b.ipynb")
        self.assertEqual(path.read_bytes(), before)
        again = [task for task in self.tasks() if task["task_id"] not in first]
        # What never began is no part of what is replayed; what failed may fail again.
        self.assertEqual([(t["cell_index"], t["status"]) for t in reversed(again)],
                         [(0, "completed"), (1, "completed"), (2, "failed")])
        for task in again:
            old = first[task["replay_of"]]
            self.assertEqual((old["cell_index"], old["code"]), (task["cell_index"], task["code"]))
        self.assertEqual(text_of(self.outputs(path)[1]), "1 False\n")
        self.assertEqual(text_of(self.outputs(self.work / "b.ipynb")[1]), "1 True\n")
        # A replay of a replay, with what has changed meanwhile in the file left aside.
        self.write("a.ipynb", notebook("n = 2"))
        ended = self.celldeck("run", path, "--replay")
        self.assertEqual(self.tasks("--limit", "2")[1]["replay_of"], again[1]["task_id"])
        self.assertEqual(self.read(path), notebook("n = 2"))
        self.celldeck("run", path, "--replay", "--parameter", "n=3", code=USAGE)

    def test_the_views_that_operators_query(self):
        path = self.write("a.ipynb", notebook("print('seen')"))
        self.celldeck("run", path)
        answer = subprocess.run(
            ["sqlite3", "-json", self.data / "sessions" / "state.db",
             "SELECT notebook_path, cell_index, code, status, execution_count, outputs_json, "
             "error_message, retries, created_at <= started_at AND started_at <= completed_at AS "
             "ordered FROM execution_queue; SELECT count(*) FROM asset_leases"],
            capture_output=True, text=True, check=True).stdout
        row = json.loads(answer[:answer.index("]") + 1] if "\n[" not in answer
                         else answer.split("\n[")[0])[0]
        self.assertEqual(row["notebook_path"], str(path))
        self.assertEqual((row["cell_index"], row["code"], row["status"], row["execution_count"]),
                         (0, "print('seen')", "completed", 1))
        self.assertEqual(json.loads(row["outputs_json"])[0]["text"], "seen\n")
        self.assertEqual((row["retries"], row["ordered"]), (0, 1))

    def test_two_notebooks_and_a_folder(self):
        self.write("a.ipynb", notebook("'a'"))
        self.write("b.ipynb", notebook("'b'"))
        self.celldeck("run", "a.ipynb", "b.ipynb", "--output", "done")
        for name in "ab":
            self.assertEqual(self.outputs(self.work / "done" / f"{name}.ipynb")[0][0]["data"],
                             {"text/plain": [f"'{name}'"]})

    def test_help_of_each_command(self):
        overview = self.celldeck("--help").stdout
        commands = re.findall(r"^ +celldeck (\w+) ", overview, re.MULTILINE)
        self.assertLessEqual({"run", "serve", "tasks", "show", "stats"}, set(commands))
        for command in commands:
            told = self.celldeck(command, "--help").stdout
            self.assertIn(f"Usage: celldeck {command} ", told)
            self.assertRegex(told, rf"Example:\n  celldeck {command}\b")

    def test_an_option_comes_from_the_first_who_names_it(self):
        self.celldeck("run", self.write("a.ipynb", notebook("1", "2", "3", "4")))
        self.assertEqual(len(self.tasks()), 4)
        (self.folder / "config" / "celldeck").mkdir(parents=True)
        settings = self.folder / "config" / "celldeck" / "celldeck.ini"
        settings.write_text("limit=1\n")
        self.assertEqual(len(self.tasks()), 1)
        (self.work / "other.ini").write_text("limit=2\n")
        self.assertEqual(len(self.tasks("--config", "other.ini")), 2)
        self.environment["CELLDECK_LIMIT"] = "3"
        self.assertEqual(len(self.tasks("--config", "other.ini")), 3)
        self.assertEqual(len(self.tasks("--limit", "4")), 4)

    def test_no_display(self):
        quiet = {name: "" for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
        for name in quiet:
            self.environment.pop(name, None)
        self.assertIn("celldeck serve", self.celldeck(code=UNFIT).stderr)

    def test_usage(self):
        self.celldeck("run", code=USAGE)
        self.celldeck("run", "--no-such-option", code=USAGE)
        self.celldeck("fly", code=USAGE)
        self.write("a.ipynb", notebook("1"))
        self.celldeck("run", "a.ipynb", "--timeout", "soon", code=USAGE)
        self.celldeck("run", "a.ipynb", "--parameter", "no value", code=USAGE)


if __name__ == "__main__":
    celldeck.main()
