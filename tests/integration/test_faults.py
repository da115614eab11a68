"""The disk refuses: full, read-only, broken, or its fsync fails. What was acknowledged stays, what
cannot be stored is refused, and it goes on by itself once the disk does."""

import json
import os
import pathlib
import signal
import sqlite3
import urllib.error
import urllib.request

import celldeck
from celldeck import DONE, UNFIT, notebook, text_of, until

SHIM = os.environ["FAULTY_IO"]
LIMIT_S = 60
DATABASE = "/sessions/state.db"
PAGE = 4096


def health(server):
    try:
        with urllib.request.urlopen(server.url + "/health", timeout=LIMIT_S) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code


class FaultTest(celldeck.CelldeckTest):
    def setUp(self):
        super().setUp()
        self.switch = self.folder / "switch"
        self.switch.write_text("")
        self.errors = self.folder / "errors"
        self.environment["LD_PRELOAD"] = SHIM
        self.environment["FAULTY_SWITCH"] = str(self.switch)
        self.let_fail(DATABASE)
        self.write("a.ipynb", notebook("print('ran')"))

    def let_fail(self, path):
        self.environment["FAULTY_PATH"] = str(path)

    def start(self):
        with open(self.errors, "a") as sink:
            return self.serve(errors=sink)

    def submit(self, server, **more):
        return server.call("run_cell_async", notebook_path="a.ipynb", index=0, **more)["task_id"]

    def refused(self, server, **more):
        with self.assertRaises(celldeck.ToolError) as refusal:
            self.submit(server, **more)
        self.assertEqual(refusal.exception.code, "storage_unavailable")

    def wait(self, server, task):
        return server.call("wait_for_task", task_id=task, timeout_s=LIMIT_S)

    def kill(self, server):
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        self.switch.write_text("")

    def rows(self):
        database = sqlite3.connect(self.data / "sessions" / "state.db")
        try:
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchone(), ("ok",))
            return dict(database.execute("SELECT task_id, status FROM execution_queue"))
        finally:
            database.close()

    def told(self, words):
        return self.errors.read_text().count(words)


class Disk(FaultTest):
    def fault(self, word):
        server = self.start()
        server.call("pause_queue")
        before = [self.submit(server) for _ in range(3)]
        self.assertEqual(health(server), 200)
        self.switch.write_text(word)
        for number in range(3):
            self.refused(server, task_id_override=f"refused-{number}")
        self.assertEqual(health(server), 503)
        # It tries again by itself, which is no news, and comes back without a client's doing.
        until("another try", lambda: self.told("state.db failed") >= 3)
        self.switch.write_text("")
        until("the end of the fault", lambda: health(server) == 200)
        self.assertEqual((self.told("Tasks are refused"), self.told("can be written again: ")),
                         (1, 1), self.errors.read_text())
        after = [self.submit(server) for _ in range(3)]
        server.call("resume_queue")
        for task in before + after:
            done = self.wait(server, task)
            self.assertEqual((done["status"], text_of(done["outputs"])), ("completed", "ran\n"))
        self.kill(server)
        self.assertEqual(self.rows(), dict.fromkeys(before + after, "completed"))

    def test_full(self):
        self.fault("full")
        self.assertIn("make room on its disk", self.errors.read_text())

    def test_read_only(self):
        self.fault("ro")

    def test_fsync_fails(self):
        self.fault("sync")

    def test_io_errors(self):
        self.fault("io")

    def test_what_an_fsync_has_refused_is_not_there_after_a_kill(self):
        for word in ("sync", "once"):
            server = self.start()
            server.call("pause_queue")
            kept = self.submit(server)
            self.switch.write_text(word)
            if word == "sync":
                self.refused(server, task_id_override="ghost")
            else:
                # One refusal: the writer's second try, of the task alone, is stored.
                self.submit(server, task_id_override="second-try")
            self.kill(server)
            rows = self.rows()
            self.assertEqual(rows[kept], "pending")
            self.assertNotIn("ghost", rows)
        self.assertIn("second-try", rows)

    def test_cells_that_are_faster_than_the_disk(self):
        """Several have left, and several have ended, before the disk knows of the first."""
        count = 40
        self.write("many.ipynb", notebook(*(
            f"print({i}); open({str(self.folder)!r} + '/ran', 'a').write('{i} ')"
            for i in range(count))))
        for kill in (False, True):
            if kill:
                self.environment["CELLDECK_CRASH_AT"] = f"session.sent_ahead:{count * 3 // 4}"
            server = self.start()
            self.environment.pop("CELLDECK_CRASH_AT", None)
            server.call("pause_queue")
            tasks = [server.call("run_cell_async", notebook_path="many.ipynb",
                                 index=index)["task_id"] for index in range(count)]
            self.switch.write_text("later")
            server.call("resume_queue")
            if kill:
                self.assertEqual(server.process.wait(LIMIT_S), -signal.SIGKILL)
                server = self.start()
            ended = [self.wait(server, task) for task in tasks]
            states = "".join(done["status"][0] for done in ended)  # (c)ompleted, (i)nterrupted
            # What had left and has no end on the disk was not run again; the last of it may have
            # been heard, or not even have reached the kernel.
            self.assertRegex(states, "^c+i{2,10}c+$" if kill else "^c+$")
            for number, done in enumerate(ended):
                if done["status"] == "completed":
                    self.assertEqual(text_of(done["outputs"]), f"{number}\n")
            ran = (self.folder / "ran").read_text().split()
            (self.folder / "ran").unlink()
            missing = sorted(set(map(str, range(count))) - set(ran))
            self.assertEqual(ran, [str(i) for i in range(count) if str(i) not in missing])
            self.assertLessEqual(len(missing), 1 if kill else 0)
            self.assertEqual(server.end(), 0)

    def run_slowly(self, *sources):
        """A server that runs these cells, all of them waiting, on a disk that is slow."""
        self.write("many.ipynb", notebook(*sources))
        server = self.start()
        server.call("pause_queue")
        tasks = [server.call("run_cell_async", notebook_path="many.ipynb",
                             index=index)["task_id"] for index in range(len(sources))]
        self.switch.write_text("later")
        server.call("resume_queue")
        return server, tasks

    def test_a_kernel_is_exchanged_while_cells_run_ahead(self):
        ran = self.folder / "ran"
        server, tasks = self.run_slowly(*(
            f"import os, time; time.sleep(0.01); "
            f"open({str(ran)!r}, 'a').write(f'{number}:{{os.getpid()}} ')" for number in range(40)))
        until("some cells", lambda: ran.exists() and len(ran.read_text().split()) > 12)
        server.call("restart_kernel", notebook_path="many.ipynb")
        ended = [self.wait(server, task) for task in tasks]
        # Nothing runs twice, and nothing in another order.
        numbers, kernels = zip(*(one.split(":") for one in ran.read_text().split()))
        self.assertEqual(sorted(set(numbers), key=int), list(numbers))
        self.assertEqual(len(set(kernels)), 2)
        # At most the one that ran then is cut off; all others, announced or not, run.
        states = [done["status"] for done in ended]
        self.assertLessEqual(states.count("interrupted"), 1, states)
        self.assertEqual(states.count("completed"), 40 - states.count("interrupted"), states)
        completed = [str(n) for n in range(40) if states[n] == "completed"]
        self.assertEqual([n for n in numbers if n in completed], completed)
        # Each knows whether it ran without what the ones before it had done.
        first = kernels[0]
        for number, kernel in zip(numbers, kernels):
            if number in completed:
                self.assertEqual(ended[int(number)]["state_lost"], kernel != first, number)
        self.assertEqual(server.end(), 0)

    def test_what_is_shown_anew_waits_for_the_first_end(self):
        server, tasks = self.run_slowly(
            # By then several ends are on their way to the disk.
            *(f"n = {number}" for number in range(20)),
            # What is big takes longer on its way: into its file.
            "_ = display('at first', display_id='x')\nprint('x' * 3_000_000)", "n",
            "from IPython.display import update_display\nupdate_display('at last', "
            "display_id='x')", *(f"n = {number}" for number in range(20)))
        for task in tasks:
            self.assertEqual(self.wait(server, task)["status"], "completed")
        shown = {"text/plain": "'at last'"}
        record = server.call("get_execution_status", task_id=tasks[20])
        self.assertEqual(record["outputs"][0]["data"], shown)
        self.assertEqual(server.end(), 0)
        cells = self.read(self.work / "many.ipynb")["cells"]
        self.assertEqual(cells[20]["outputs"][0]["data"], {"text/plain": ["'at last'"]})

    def test_of_two_runs_of_a_cell_the_last_is_in_the_notebook(self):
        self.write("many.ipynb", notebook(
            "n = globals().get('n', 0) + 1\nprint('run', n, 'x' * (3_000_000 if n % 2 else 1))",
            "m = n"))
        for slow in (False, True):
            server = self.start()
            server.call("pause_queue")
            tasks = [server.call("run_cell_async", notebook_path="many.ipynb",
                                 index=index)["task_id"] for index in [0] * 8 + [1] * 8]
            self.switch.write_text("later" if slow else "")
            server.call("resume_queue")
            for task in tasks:
                self.assertEqual(self.wait(server, task)["status"], "completed")
            self.assertEqual(server.end(), 0)
            cells = self.read(self.work / "many.ipynb")["cells"]
            self.assertEqual(text_of(cells[0]["outputs"]), "run 8 x\n")

    def test_short_writes_and_interruptions(self):
        self.switch.write_text("half")
        server = self.start()
        tasks = [self.submit(server) for _ in range(5)]
        for task in tasks:
            self.assertEqual(self.wait(server, task)["status"], "completed")
        self.kill(server)
        self.assertEqual(self.rows(), dict.fromkeys(tasks, "completed"))

    def test_a_running_cell_outlives_a_full_disk(self):
        gate = self.work / "gate"
        os.mkfifo(gate)
        self.write("b.ipynb", notebook(f"open({str(gate)!r}).read()\nprint('through')"))
        server = self.start()
        task = server.call("run_cell_async", notebook_path="b.ipynb", index=0)["task_id"]
        with open(gate, "w"):
            self.switch.write_text("full")
        still = server.call("wait_for_task", task_id=task, timeout_s=2)
        self.assertEqual((still["status"], still["timed_out"]), ("running", True))
        self.assertEqual(self.told("Tasks are refused"), 1, self.errors.read_text())
        self.switch.write_text("")
        done = self.wait(server, task)
        self.assertEqual((done["status"], text_of(done["outputs"])), ("completed", "through\n"))

    def test_what_waits_is_cancelled_once_the_disk_lets_it(self):
        gate = self.work / "gate"
        os.mkfifo(gate)
        self.write("b.ipynb", notebook(f"open({str(gate)!r}).read()\n1/0", "print('never')"))
        server = self.start()
        tasks = server.call("run_all_cells", notebook_path="b.ipynb")["task_ids"]
        with open(gate, "w"):
            self.switch.write_text("full")
        until("the refused end", lambda: self.told("Tasks are refused") == 1)
        self.switch.write_text("")
        self.assertEqual([self.wait(server, task)["status"] for task in tasks],
                         ["failed", "cancelled"])

    def test_at_the_start(self):
        self.assertEqual(self.start().end(), 0)
        before = (self.data / "sessions" / "state.db").read_bytes()
        for word in ("full", "ro", "io"):
            self.switch.write_text(word)
            refusal = self.celldeck("serve", "--port", "0", code=UNFIT).stderr
            self.assertIn("celldeck: the database", refusal)
            self.assertEqual((self.data / "sessions" / "state.db").read_bytes(), before, word)
            self.switch.write_text("")
            # What is refused is not damaged: nothing was set aside.
            self.assertEqual([path.name for path in (self.data / "sessions").glob("*damaged*")], [])
        self.assertEqual(self.start().end(), 0)

    def with_a_bad_sector(self, file, page, tasks):
        """What is left of the tasks, by an engine that starts while that page cannot be read."""
        self.switch.write_text(f"bad {page} {file.stat().st_ino}")
        told = self.told("It is kept as")
        server = self.start()
        self.assertEqual(self.told("It is kept as"), told + 1, self.errors.read_text())
        left = {task["task_id"] for task in server.call("list_tasks", limit=500)["tasks"]}
        self.assertLessEqual(left, tasks)
        server.call("resume_queue")
        self.assertEqual(self.wait(server, self.submit(server))["status"], "completed")
        self.assertEqual(server.end(), 0)
        self.switch.write_text("")
        self.rows()
        return left

    def test_a_sector_that_cannot_be_read_any_more(self):
        server = self.start()
        server.call("pause_queue")
        code = "#" + "x" * 1000
        tasks = {self.submit(server, code_override=f"{code}{number}") for number in range(400)}
        self.kill(server)
        folder = self.data / "sessions"
        file, log = folder / "state.db", folder / "state.db-wal"
        before = {path: path.read_bytes() for path in (file, log)}
        # Of the log only what is before it can be read, here the very first.
        left = self.with_a_bad_sector(log, 2, tasks)
        self.assertGreater(len(left), 0)
        self.restore(folder, before)
        server = self.start()
        self.assertEqual(server.end(), 0)
        before = {file: file.read_bytes()}
        pages = len(before[file]) // PAGE
        self.assertGreater(pages, 50)
        # The schema and the map of pages are there twice, as it were; a page of cells has four.
        for page, most in ((1, 0), (2, 0), (pages // 2, 30), (pages, 30)):
            self.restore(folder, before)
            left = self.with_a_bad_sector(file, page, tasks)
            self.assertGreaterEqual(len(left), len(tasks) - most, f"without page {page}")
            aside, = folder.glob("*.damaged-*[0-9]")
            self.assertEqual(aside.read_bytes(), before[file])

    def restore(self, folder, files):
        for path in folder.iterdir():
            path.unlink()
        for path, content in files.items():
            path.write_bytes(content)

    def test_pages_that_are_overwritten_while_it_runs(self):
        def overwrite(database, pages):
            for page in range(2, pages):
                database.seek(page * PAGE)
                database.write(b"\xff" * PAGE)

        self.damaged_while_it_runs(overwrite)

    def test_a_file_that_is_cut_off_while_it_runs(self):
        self.damaged_while_it_runs(lambda database, pages: database.truncate(pages // 2 * PAGE))

    def damaged_while_it_runs(self, damage):
        server = self.start()
        server.call("pause_queue")
        code = "#" + "x" * 3000
        tasks = {self.submit(server, code_override=f"{code}{number}") for number in range(200)}
        file = self.data / "sessions" / "state.db"
        pages = file.stat().st_size // PAGE
        self.assertGreater(pages, 50)
        with open(file, "r+b") as database:
            damage(database, pages)

        def is_found():
            for tool in ("list_tasks", "get_execution_status"):
                try:
                    more = {"task_id": min(tasks)} if tool != "list_tasks" else {"limit": 500}
                    answer = server.call(tool, **more)
                except celldeck.ToolError as refusal:
                    self.assertEqual(refusal.code, "storage_unavailable")
                else:  # What it does answer is right.
                    found = {task["task_id"] for task in answer.get("tasks", [answer])}
                    self.assertIn(found, (tasks, {min(tasks)}))
            return health(server) == 503

        until("the damage", is_found)
        self.refused(server)
        self.assertEqual(self.told("It is damaged: no more tasks are accepted"), 1)
        server.end()
        server = self.start()
        self.assertIn("It is kept as", self.errors.read_text())
        self.assertEqual(len(list(file.parent.glob("*.damaged-*[0-9]"))), 1)
        server.call("resume_queue")
        self.assertEqual(self.wait(server, self.submit(server))["status"], "completed")
        self.assertEqual(server.end(), 0)
        self.rows()


class Notebook(FaultTest):
    """The file in which a cell's outputs belong stays whole, and what is missing in it is told and
    kept with the task."""

    def fault(self, word):
        self.let_fail(self.work)
        server = self.start()
        path = self.work / "a.ipynb"
        before = path.read_bytes()
        self.switch.write_text(word)
        task = self.submit(server)
        self.assertEqual(self.wait(server, task)["status"], "completed")
        until("the report", lambda: self.told("a.ipynb cannot be written") >= 1)
        self.assertEqual(path.read_bytes(), before)
        # Once there is room, all that the file lacks comes into it.
        self.switch.write_text("")
        until("the outputs", lambda: path.read_bytes() != before)
        self.assertEqual(text_of(self.read(path)["cells"][0]["outputs"]), "ran\n")
        self.assertEqual(self.told("a.ipynb cannot be written"), 1)
        self.assertEqual(server.end(), 0)
        left = [name for name in os.listdir(self.work) if name.startswith(".celldeck")]
        if word != "move":  # There it could not even be removed.
            self.assertEqual(left, [])

    def test_full(self):
        self.fault("full")

    def test_read_only(self):
        self.fault("ro")

    def test_fsync_fails(self):
        self.fault("sync")

    def test_io_errors(self):
        self.fault("io")

    def test_no_inodes(self):
        self.fault("create")

    def test_rename_fails(self):
        self.fault("move")

    def test_short_writes_and_interruptions(self):
        self.let_fail(self.work)
        self.switch.write_text("half")
        server = self.start()
        self.assertEqual(self.wait(server, self.submit(server))["status"], "completed")
        self.assertEqual(server.end(), 0)
        self.assertEqual(text_of(self.read(self.work / "a.ipynb")["cells"][0]["outputs"]), "ran\n")

    def test_a_run_tells_what_it_could_not_write(self):
        self.let_fail(self.work)
        self.switch.write_text("full")
        before = (self.work / "a.ipynb").read_bytes()
        ended = self.celldeck("run", "a.ipynb", code=UNFIT)
        self.assertIn("cannot be written", ended.stderr)
        self.assertEqual((self.work / "a.ipynb").read_bytes(), before)

    def test_a_run_tells_what_it_could_not_keep(self):
        self.let_fail(".partial-")
        partial = str(self.data / "assets" / ".partial-*")
        self.write("a.ipynb", notebook(
            "import glob, os, time\n"
            f"for _ in range(3): print('x' * {1 << 20}, flush=True)\n"
            f"while sum(map(os.path.getsize, glob.glob({partial!r}))) < {3 << 20}: time.sleep(.01)\n"
            f"open({str(self.switch)!r}, 'w').write('full')\n"
            f"print('y' * {1 << 20}, flush=True)"))
        ended = self.celldeck("run", "a.ipynb", code=celldeck.FAILED)
        self.assertIn("cell 0: some of its output is not all there", ended.stderr)
        text = celldeck.text_of(self.read(self.work / "a.ipynb")["cells"][0]["outputs"])
        self.assertEqual(text.count("x"), 3 << 20)
        self.assertNotIn("yy", text)
        self.assertIn("[celldeck: 4194308 bytes were printed, of which only the first 3145731 could "
                      "be kept]", text)


class Backup(FaultTest):
    def test_no_half_backup(self):
        server = self.start()
        self.submit(server)
        self.let_fail("copy.db")
        for word in ("full", "ro", "sync", "io", "create", "move"):
            self.switch.write_text(word)
            refusal = self.celldeck("backup", "copy.db", code=UNFIT)
            self.assertIn("celldeck: ", refusal.stderr)
            self.assertFalse((self.work / "copy.db").exists(), word)
        self.switch.write_text("")
        self.celldeck("backup", "copy.db")


if __name__ == "__main__":
    celldeck.main()
