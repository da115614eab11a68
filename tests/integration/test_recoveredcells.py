"""What a cell has shown and asked before a `kill -9` of the engine, the next engine knows."""

import contextlib
import os
import signal
import sqlite3

import celldeck
import recoverycase
from celldeck import TAKEN_OVER, notebook, text_of, until

SHOWS = "from IPython.display import clear_output, display, update_display\n"


class RecoveredCells(recoverycase.Recovery):
    def test_what_a_cell_asks_outlives_a_crash(self):
        self.write("ask.ipynb", notebook("name = input('Who? ')\nprint('hello', name)",
                                         "import getpass\nprint(len(getpass.getpass('Key: ')))"))
        server = self.serve()
        tasks = server.call("run_all_cells", notebook_path="ask.ipynb")["task_ids"]
        question = {"prompt": "Who? ", "password": False}
        self.until_asked(server, tasks[0], question)
        for _ in range(2):
            self.crash(server)
            server, _ = self.again()
            self.until_asked(server, tasks[0], question)
        server.call("submit_input", notebook_path="ask.ipynb", text="Ada")
        self.assertEqual(text_of(self.wait(server, tasks[0])["outputs"]), TAKEN_OVER + "hello Ada\n")
        # And what it asks of this engine is asked of the next one.
        question = {"prompt": "Key: ", "password": True}
        self.until_asked(server, tasks[1], question)
        self.crash(server)
        server, _ = self.again()
        self.until_asked(server, tasks[1], question)
        server.call("submit_input", notebook_path="ask.ipynb", text="secret")
        self.assertEqual(text_of(self.wait(server, tasks[1])["outputs"]), TAKEN_OVER + "6\n")
        self.assertEqual(list((self.data / "runtime").glob("question-*")), [])

    def test_what_a_cell_asks_of_nobody_can_be_answered(self):
        begun, asking = self.work / "begun", self.work / "asking"
        self.write("ask.ipynb", notebook(
            f"open({str(begun)!r}, 'w').close()\n"
            f"open({str(self.gate)!r}).read()\nopen({str(asking)!r}, 'w').close()\n"
            f"print('hello', input('Who? '))\nopen({str(self.gate)!r}).read()"))
        server = self.serve()
        task = server.call("run_all_cells", notebook_path="ask.ipynb")["task_ids"][0]
        # Not only on record as running: what has not left would run on the next engine.
        until("the cell runs", begun.exists)
        self.crash(server)
        self.open_gate()
        until("the cell asks", asking.exists)
        server, errors = self.again()
        self.until_heard(errors)
        status = lambda: server.call("get_execution_status", task_id=task)
        self.assertTrue(status()["may_have_asked"])
        server.call("submit_input", notebook_path="ask.ipynb", text="Ada")
        self.assertFalse(status()["may_have_asked"])
        with self.assertRaises(celldeck.ToolError) as refused:
            server.call("submit_input", notebook_path="ask.ipynb", text="again")
        self.assertEqual(refused.exception.code, "conflict")
        self.open_gate()
        self.assertEqual(text_of(self.wait(server, task)["outputs"]), TAKEN_OVER + "hello Ada\n")

    def test_what_was_shown_before_a_crash_is_shown_anew(self):
        """In the cell that runs, and in one that has ended; not what an earlier kernel showed."""
        shows = "from IPython.display import display, update_display\n"
        self.write("a.ipynb", notebook(
            shows + "_ = display('one', display_id='ended')",
            shows + "display('one', display_id='running'); display('same')\n"
            f"print('before')\nopen({str(self.gate)!r}).read()\n"
            "update_display('two', display_id='running')\n"
            "update_display('two', display_id='ended')",
            shows + "update_display('three', display_id='running')\n"
            "update_display('three', display_id='ended')"))
        server = self.serve()
        old = server.call("run_cell_async", notebook_path="a.ipynb", index=0)["task_id"]
        self.assertEqual(self.wait(server, old)["status"], "completed")
        server.call("restart_kernel", notebook_path="a.ipynb")
        tasks = server.call("run_all_cells", notebook_path="a.ipynb")["task_ids"]
        server = self.crash_while_it_waits(server, tasks[1])
        self.assertEqual(self.wait(server, tasks[2])["status"], "completed")
        self.assertEqual(server.end(), 0)
        value = lambda outputs: ["".join(o["data"]["text/plain"])
                                 for o in outputs if "data" in o]
        self.assertEqual(value(self.show(old)["outputs"]), ["'one'"])
        self.assertEqual(value(self.show(tasks[0])["outputs"]), ["'three'"])
        self.assertEqual(value(self.show(tasks[1])["outputs"]), ["'three'", "'same'"])
        cells = self.read(self.work / "a.ipynb")["cells"]
        self.assertEqual([value(cell["outputs"]) for cell in cells],
                         [["'three'"], ["'three'", "'same'"], []])

    def test_what_was_big_is_shown_anew_after_a_crash(self):
        """Its old content, which is in a file, does not come back; nor is harm done where the
        record has lost it."""
        shows = "from IPython.display import display, update_display\n"
        show = lambda name: ("_ = display({'text/html': 'O' * 1_500_000, 'text/plain': 'old'},"
                             f" raw=True, display_id='{name}')")
        self.write("a.ipynb", notebook(
            shows + show("big"), shows + "_ = display('old', display_id='lost')",
            shows + "new = {'text/html': 'new', 'text/plain': 'new'}\n"
            "update_display(new, display_id='big', raw=True)\n"
            "update_display(new, display_id='lost', raw=True)"))
        server = self.serve()
        ended = [server.call("run_cell_async", notebook_path="a.ipynb", index=index)["task_id"]
                 for index in range(2)]
        for task in ended:
            self.assertEqual(self.wait(server, task)["status"], "completed")
        self.crash(server)
        with contextlib.closing(sqlite3.connect(self.data / "sessions" / "state.db")) as database:
            database.execute("UPDATE task SET outputs = NULL WHERE id = (SELECT max(id) FROM task)")
            database.commit()
        server, _ = self.again()
        task = server.call("run_cell_async", notebook_path="a.ipynb", index=2)["task_id"]
        self.assertEqual(self.wait(server, task)["status"], "completed")
        self.assertEqual(self.show(ended[1])["outputs"], [])
        record = self.show(ended[0])["outputs"][0]
        self.assertEqual((record["data"]["text/html"], "assets" in record), ("new", False))
        self.assertEqual(server.end(), 0)
        data = self.read(self.work / "a.ipynb")["cells"][0]["outputs"][0]["data"]
        self.assertEqual({key: "".join(value) for key, value in data.items()},
                         {"text/html": "new", "text/plain": "new"})

    def test_what_a_cell_without_end_has_shown_anew(self):
        self.write("a.ipynb", notebook(
            "from IPython.display import display, update_display\n_ = display('one', display_id='x')",
            "update_display('two', display_id='x')\nprint('before', flush=True)\n"
            f"open({str(self.gate)!r}).read()"))
        for how in ("stop", "kill"):
            with self.subTest(how):
                server = self.serve()
                tasks = server.call("run_all_cells", notebook_path="a.ipynb")["task_ids"]
                until("the outputs so far on disk",
                      lambda: text_of(self.show(tasks[1])["outputs"]) == "before\n")
                if how == "stop":
                    server.call("stop_kernel", notebook_path="a.ipynb")
                else:
                    os.kill(next(iter(self.kernels())), signal.SIGKILL)
                self.assertNotEqual(self.wait(server, tasks[1])["status"], "completed")
                self.assertEqual(self.show(tasks[0])["outputs"][0]["data"]["text/plain"], "'two'")
                self.assertEqual(server.end(), 0)

    def widgets_after_a_crash(self, *sources):
        """The notebook, and its widgets' states, after a crash while its second cell ran."""
        self.write("w.ipynb", notebook(*sources))
        server = self.serve()
        tasks = server.call("run_all_cells", notebook_path="w.ipynb")["task_ids"]
        server = self.crash_while_it_waits(server, tasks[1])
        self.assertEqual(self.wait(server, tasks[-1])["status"], "completed")
        self.assertEqual(server.end(), 0)
        written = self.read(self.work / "w.ipynb")
        key = "application/vnd.jupyter.widget-state+json"
        return written, written["metadata"]["widgets"][key]["state"]

    def test_widgets_are_known_again(self):
        for more, value in (([], 7), (["slider.value = 8"], 8)):
            with self.subTest(more):
                written, state = self.widgets_after_a_crash(
                    "import ipywidgets\nslider = ipywidgets.IntSlider(value=3)\nslider",
                    f"slider.value = 7\nprint('before')\nopen({str(self.gate)!r}).read()", *more)
                view = written["cells"][0]["outputs"][-1]  # behind what ipywidgets warns of
                model = view["data"]["application/vnd.jupyter.widget-view+json"]["model_id"]
                self.assertEqual((state[model]["model_name"], state[model]["state"]["value"]),
                                 ("IntSliderModel", value))
                # What it looks like belongs to it.
                self.assertIn(state[model]["state"]["layout"].removeprefix("IPY_MODEL_"), state)

    def test_more_widgets_than_are_asked_for_at_once(self):
        """Each slider has a layout and a style: 180 of them, and 64 are asked for at a time."""
        _, state = self.widgets_after_a_crash(
            "import ipywidgets\nsliders = [ipywidgets.IntSlider(value=i) for i in range(60)]",
            f"print('before')\nopen({str(self.gate)!r}).read()")
        sliders = [one["state"]["value"] for one in state.values()
                   if one["model_name"] == "IntSliderModel"]
        self.assertEqual(sorted(sliders), list(range(60)))
        self.assertEqual(len(state), 180)

    def until_noted(self, what):
        """On disk, of what a running cell's outputs do not tell."""
        def noted():
            with contextlib.closing(sqlite3.connect(self.data / "sessions" / "state.db")) as database:
                return any(what in row[0] for row in database.execute("SELECT displays FROM shown"))
        until(f"{what} on disk", noted)

    def test_a_clearing_that_is_due(self):
        """`clear_output(wait=True)`, a crash, and then the output that takes the place of all."""
        self.write("a.ipynb", notebook(
            SHOWS + f"print('old')\nclear_output(wait=True)\nopen({str(self.gate)!r}).read()\n"
            f"print('new', flush=True)\nopen({str(self.gate)!r}).read()"))
        server = self.serve()
        task = server.call("run_all_cells", notebook_path="a.ipynb")["task_ids"][0]
        self.until_noted(b"clears_next")
        self.crash(server)
        server, errors = self.again()
        self.until_heard(errors)
        text = lambda: text_of(server.call("get_execution_status", task_id=task)["outputs"])
        self.assertEqual(text(), "old\n" + TAKEN_OVER)
        self.open_gate()
        until("the new output", lambda: text() == TAKEN_OVER + "new\n")
        self.open_gate()
        self.assertEqual(text_of(self.wait(server, task)["outputs"]), TAKEN_OVER + "new\n")

    def test_what_a_running_cell_has_shown_anew(self):
        """Before the crash, of an earlier cell; and nothing of it after."""
        self.write("a.ipynb", notebook(
            SHOWS + "_ = display('one', display_id='x')",
            SHOWS + f"update_display('two', display_id='x')\nopen({str(self.gate)!r}).read()"))
        server = self.serve()
        tasks = server.call("run_all_cells", notebook_path="a.ipynb")["task_ids"]
        self.until_noted(b"two")
        self.crash(server)
        server, errors = self.again()
        self.until_heard(errors)
        self.open_gate()
        self.assertEqual(self.wait(server, tasks[1])["status"], "completed")
        self.assertEqual(self.show(tasks[0])["outputs"][0]["data"]["text/plain"], "'two'")


if __name__ == "__main__":
    celldeck.main()
