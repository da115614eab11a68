"""What a cell has put out, as people and agents read it, and as record and notebook keep it."""

import json

import celldeck
from celldeck import notebook, text_of

LIMIT_S = 60
BAR = ("import sys\nfrom tqdm import tqdm\n"
       "for i in tqdm(range(500), desc='bar', file=sys.stdout, ascii=True, mininterval=0):\n"
       "    pass")


class Outputs(celldeck.CelldeckTest):
    def begin(self, *sources, **more):
        self.path = self.write("a.ipynb", notebook(*sources, **more))
        self.server = self.serve()

    def submit(self, index=0):
        return self.server.call("run_cell_async", notebook_path="a.ipynb", index=index)["task_id"]

    def wait(self, task, status="completed", **more):
        done = self.server.call("wait_for_task", task_id=task, timeout_s=LIMIT_S, **more)
        self.assertEqual(done["status"], status, done["error"])
        return done

    def run_cell(self, index=0, status="completed"):
        return self.wait(self.submit(index), status)

    def text(self, tool, **arguments):
        """What a model reads."""
        return self.server.request("tools/call", name=tool, arguments=arguments)["content"][0]["text"]

    def shown(self, task, *more):
        return self.celldeck("show", task, *more).stdout

    def in_notebook(self, index=0):
        """Read when the engine has written all it had to write."""
        self.assertEqual(self.server.end(), 0)
        return self.read(self.path)["cells"][index]["outputs"]


class Terminal(Outputs):
    def test_a_progress_bar_is_one_line(self):
        self.begin(BAR)
        done = self.run_cell()
        lines = text_of(done["outputs"]).split("\n")
        self.assertEqual(len(lines), 2, lines)
        self.assertIn("bar: 100%|##########| 500/500", lines[0])
        self.assertNotIn("assets", done["outputs"][0])
        for text in (self.text("wait_for_task", task_id=done["task_id"]),
                     self.shown(done["task_id"])):
            self.assertEqual(text.count("bar:"), 1, text)
            self.assertNotIn("\r", text)
        # Record and notebook keep what the kernel sent.
        record = text_of(json.loads(self.shown(done["task_id"], "--json"))["outputs"])
        self.assertGreater(record.count("\r"), 400)
        self.assertEqual(text_of(self.in_notebook()), record)

    def test_while_it_runs(self):
        self.begin("print('10%', end='\\r'); print('20%', end='\\r', flush=True)\ninput()")
        task = self.submit()
        waiting = self.wait(task, "running")
        self.assertEqual(text_of(waiting["outputs"]), "20%")
        self.assertIn("\n20%\n", self.text("get_execution_status", task_id=task))
        session = self.server.call("attach_session", notebook_path="a.ipynb")
        self.assertEqual(text_of(session["running_outputs"]), "20%")

    def test_colours_backspaces_and_marks(self):
        self.begin(r"print('\x1b[31mred\x1b[0m 10%\b\b\b20%')" "\n"
                   r"print('e\u0301x\by\r\ncafe\u0301')")
        done = self.run_cell()
        self.assertEqual(text_of(done["outputs"]),
                         "\x1b[0;31mred\x1b[0m 20%\ne\u0301y\ncafe\u0301\n")
        self.assertIn("red 20%\ne\u0301y\ncafe\u0301", self.text("get_execution_status",
                                                               task_id=done["task_id"]))

    def test_a_long_bar_in_a_file(self):
        self.begin("for i in range(300_000):\n    print(f'step {i}', end='\\r')\nprint()\n"
                   "for i in range(100): print(i)")
        done = self.run_cell()
        [asset] = done["outputs"][0]["assets"]
        self.assertTrue(text_of(done["outputs"]).startswith("step 299999\n0\n"))
        read = self.server.call("read_asset", asset=asset["asset"], max_lines=2)
        self.assertEqual([line["text"] for line in read["lines"]], ["step 299999", "0"])
        self.assertEqual(read["total_lines"], 101)


class Payload(Outputs):
    """What a kernel asks for besides: kept and shown, and as in nbclient in no notebook."""

    def test_help_and_suggestions(self):
        self.begin("len?", "get_ipython().set_next_input('x = 41 + 1')", "1", "print??")
        done = self.run_cell(0)
        self.assertEqual(done["outputs"], [])
        [page] = done["payload"]
        self.assertEqual(page["source"], "page")
        self.assertIn("number of items", page["data"]["text/plain"])
        text = self.text("get_execution_status", task_id=done["task_id"])
        self.assertIn("Return the number of items in a container.", text)
        self.assertNotIn("\x1b", text)
        self.assertIn("Return the number of items", self.shown(done["task_id"]))
        self.assertEqual(json.loads(self.shown(done["task_id"], "--json"))["payload"], [page])
        done = self.run_cell(1)
        self.assertEqual(done["payload"],
                         [{"source": "set_next_input", "text": "x = 41 + 1", "replace": False}])
        self.assertIn("x = 41 + 1", self.text("wait_for_task", task_id=done["task_id"]))
        self.assertEqual(self.run_cell(2)["payload"], [])
        self.assertEqual(self.in_notebook(0), [])

    def test_exit(self):
        self.begin("exit")
        self.assertEqual(self.run_cell()["payload"][0]["source"], "ask_exit")


if __name__ == "__main__":
    celldeck.main()
