"""What a cell has put out, as people and agents read it, and as record and notebook keep it."""

import json
import os
import pathlib
import re
import time
import urllib.error
import urllib.request

import celldeck
from celldeck import TAKEN_OVER, notebook, text_of, until

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
        for _ in range(celldeck.TIME_FACTOR):
            done = self.server.call("wait_for_task", task_id=task, timeout_s=LIMIT_S, **more)
            if done["status"] not in {"pending", "running"} - {status}:
                break
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


class ShownAnew(Outputs):
    def test_an_earlier_cell_shows_it_while_the_later_one_runs(self):
        gate = self.work / "gate"
        os.mkfifo(gate)
        self.begin("from IPython.display import display, update_display\n"
                   "_ = display('one', display_id='x')",
                   "for word in ('two', 'three', 'four'):\n    update_display(word, display_id='x')\n"
                   f"    open({str(gate)!r}).read()")
        earlier = self.run_cell()["task_id"]
        task = self.submit(1)
        for word in ("two", "three", "four"):
            for where, outputs in (
                    ("record", lambda: self.server.call("get_execution_status",
                                                        task_id=earlier)["outputs"]),
                    ("notebook", lambda: self.read(self.path)["cells"][0]["outputs"])):
                until(f"{word} in the {where}",
                      lambda: "".join(outputs()[0]["data"]["text/plain"]) == repr(word))
            gate.write_text("")
        self.wait(task)


    def test_an_earlier_run_does_not_come_back_into_the_notebook(self):
        """What is shown anew of it is in its record; its cell shows what the later run has."""
        self.begin("from IPython.display import display\nhandles = []",
                   "handles.append(display(f'run {len(handles)}', display_id=True))",
                   "handles[0].update('anew')")
        runs = [self.run_cell(index)["task_id"] for index in (0, 1, 1, 2)]
        of = lambda outputs: ["".join(output["data"]["text/plain"]) for output in outputs]
        shown = [of(self.server.call("get_execution_status", task_id=run)["outputs"])
                 for run in runs[1:3]]
        self.assertEqual(shown, [["'anew'"], ["'run 1'"]])
        self.assertEqual(of(self.in_notebook(1)), ["'run 1'"])


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


class Storms(Outputs):
    SOURCE = ("import sys\nline = 'x' * 9_990\nfor i in range(%d):\n"
              "    sys.stdout.write(f'{i:09}{line}\\n'); sys.stdout.flush()\nprint('end')")

    def whole(self, count):
        return "".join(f"{i:09}{'x' * 9_990}\n" for i in range(count)) + "end\n"

    def rss_mb(self):
        status = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def test_all_of_a_storm_is_in_its_file(self):
        # One whose own queue is not bounded: ipykernel's drops what it has not sent when 1,000
        # messages wait in it, on a busy machine.
        self.add_scripted_kernel()
        storm = [{"send": "stream", "count": 3_000,
                  "content": {"name": "stdout", "text": f"#{'x' * 9_990}\n"}},
                 {"send": "stream", "content": {"name": "stdout", "text": "end\n"}},
                 {"reply": {}}, {"idle": 1}]
        self.begin("pass", json.dumps(storm), kernel="scripted")
        self.run_cell(0)
        done = self.run_cell(1)
        [output] = done["outputs"]
        [asset] = output["assets"]
        self.assertEqual(pathlib.Path(asset["path"]).read_text(), self.whole(3_000))
        self.assertEqual((asset["lines"], asset["bytes"]), (3_001, 30_000_004))
        self.assertIn(asset["asset"], output["text"])
        self.assertTrue(output["text"].startswith("000000000x"))
        self.assertTrue(output["text"].endswith("end\n"))
        leases = self.server.call("list_leases")["leases"]
        self.assertEqual([lease["asset"] for lease in leases], [asset["asset"]])
        self.assertEqual(text_of(self.in_notebook(1)), self.whole(3_000))
        self.assertNotIn("assets", self.read(self.path)["cells"][1]["outputs"][0])
        # Nothing but the asset is left of it.
        self.assertEqual([path.name for path in (self.work / "assets").iterdir()], [asset["asset"]])

    def test_it_does_not_stay_in_memory(self):
        self.add_scripted_kernel()
        self.measure_memory()
        line = {"name": "stdout", "text": "x" * 9_999 + "\n"}
        storm = [{"send": "stream", "count": 15_000, "content": line}, {"reply": {}}, {"idle": 1}]
        self.begin("pass", json.dumps(storm), kernel="scripted")
        self.run_cell(0)
        before = self.rss_mb()
        [output] = self.run_cell(1)["outputs"]
        self.assertEqual(output["assets"][0]["bytes"], 150_000_000)
        celldeck.until("nothing is left of the 150 MB",
                       lambda: self.rss_mb() - before < celldeck.MEMORY_FACTOR * 75)
        self.assertIn("the whole: read_asset", text_of(self.in_notebook(1)))

    def test_while_it_runs_and_after_a_kill(self):
        gate = self.work / "gate"
        os.mkfifo(gate)
        self.begin(self.SOURCE % 500 + f"; sys.stdout.flush()\nopen({str(gate)!r}).read()\n"
                                       "print('after')")
        task = self.submit()
        self.wait_for_record(task, 5_000_004)
        live = self.server.call("get_execution_status", task_id=task)["outputs"][0]
        self.assertLess(len(live["text"]), 2_000)
        self.assertEqual(live["assets"][0]["bytes"], 5_000_004)
        self.server.kill()
        errors = self.folder / "errors"
        with open(errors, "w") as sink:
            self.server = self.serve(errors=sink)
        celldeck.until("the kernel is heard", lambda: "is heard again" in errors.read_text())
        gate.write_text("go")
        outputs = self.wait(task)["outputs"]
        self.assertEqual(pathlib.Path(outputs[0]["assets"][0]["path"]).read_text(), self.whole(500))
        self.assertEqual(text_of(outputs[1:]), TAKEN_OVER + "after\n")
        self.assertEqual(text_of(self.in_notebook()), self.whole(500) + TAKEN_OVER + "after\n")

    def wait_for_record(self, task, size):
        """What was printed is recorded about once a second."""
        deadline = time.monotonic() + LIMIT_S
        while True:
            outputs = json.loads(self.shown(task, "--json"))["outputs"]
            if outputs and outputs[0].get("assets", [{}])[0].get("bytes") == size:
                return
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)


class Endpoint(Outputs):
    def get(self, path, token=True, method="GET", **headers):
        if token:
            headers["Authorization"] = f"Bearer {self.server.token}"
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.server.url + path, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read(), refusal.headers

    def test_assets_over_http(self):
        self.begin("for i in range(100): print(i)",
                   "from IPython.display import HTML\nHTML('<p>' + 'long ' * 1000 + '</p>')")
        [asset] = self.run_cell(0)["outputs"][0]["assets"]
        path = f"/assets/{asset['asset']}"
        status, body, headers = self.get(path)
        self.assertEqual((status, body.decode()), (200, "".join(f"{i}\n" for i in range(100))))
        self.assertEqual(headers["Content-Type"], "text/plain")
        self.assertEqual(headers["Content-Security-Policy"], "sandbox")
        self.assertEqual(self.get(path, If_None_Match=headers["ETag"])[:2], (304, b""))
        self.assertEqual(self.get(path, token=False)[0], 401)
        self.assertEqual(self.get(path, method="POST")[0], 405)
        self.assertEqual(self.get(path, Host="evil.example")[0], 403)
        for other in ("/assets/", "/assets/" + "0" * 32 + ".txt", "/assets/..%2Fa.ipynb",
                      "/assets/%2Fetc%2Fpasswd"):
            self.assertIn(self.get(other)[0], (403, 404), other)
        [asset] = self.run_cell(1)["outputs"][0]["assets"]
        status, body, headers = self.get(f"/assets/{asset['asset']}")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/html"))
        self.assertIn(b"long long", body)

    def test_questions_are_announced(self):
        self.begin("name = input('Name? ')", "import getpass\ngetpass.getpass('Key: ')")
        self.server.call("list_tasks")  # initialises the session
        request = urllib.request.Request(self.server.url + "/mcp", headers={
            "Authorization": f"Bearer {self.server.token}", "Accept": "text/event-stream",
            "Mcp-Session-Id": self.server.session})
        with urllib.request.urlopen(request, timeout=LIMIT_S) as stream:
            for seq, (index, prompt) in enumerate([(0, "Name? "), (1, "Key: ")], 1):
                task = self.submit(index)
                while not (line := stream.readline().decode()).startswith("data: {"):
                    self.assertTrue(line, "the stream ended")
                message = json.loads(line[6:])
                self.assertEqual(message["method"], "notebook/input_request")
                self.assertNotIn("id", message)
                self.assertEqual(message["params"], {
                    "task_id": task, "notebook_path": str(self.path), "cell_index": index,
                    "prompt": prompt, "password": index == 1, "seq": seq})
                self.server.call("submit_input", notebook_path="a.ipynb", text="x")
                self.wait(task)


if __name__ == "__main__":
    celldeck.main()
