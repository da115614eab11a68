"""What is wrong gets one clear line and the contract's exit code, and nothing is half-written."""

import json
import os
import socket
import sqlite3
import subprocess

import celldeck
from celldeck import FAILED, SAMPLES, UNFIT, USAGE, notebook


class BadInput(celldeck.CelldeckTest):
    def refused(self, *arguments, code, says):
        ended = self.celldeck(*arguments, code=code)
        lines = ended.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, ended.stderr)
        for word in [says] if isinstance(says, str) else says:
            self.assertIn(word, lines[0])

    def refused_untouched(self, name, content, *, code, says, options=()):
        path = self.write(name, content)
        before = path.read_bytes()
        self.refused("run", path, *options, code=code, says=[name, *says])
        self.assertEqual(path.read_bytes(), before)
        self.assertEqual(os.listdir(self.work), [name])

    def test_missing(self):
        self.refused("run", "none.ipynb", code=USAGE, says=["none.ipynb", "no file"])

    def test_a_folder(self):
        self.refused("run", ".", code=USAGE, says="folder")

    def test_not_json(self):
        self.refused_untouched("a.ipynb", "{'cells': ", code=USAGE, says=["JSON"])

    def test_empty(self):
        self.refused_untouched("a.ipynb", "", code=USAGE, says=["JSON"])

    def test_not_a_notebook(self):
        self.refused_untouched("a.ipynb", '{"a": 1}', code=USAGE, says=["nbformat"])
        self.refused_untouched("a.ipynb", "[]", code=USAGE, says=["notebook"])

    def test_version_3(self):
        old = (SAMPLES / "format" / "test3.ipynb").read_bytes()
        self.refused_untouched("a.ipynb", old, code=USAGE, says=["notebook format 3"])

    def test_no_kernelspec(self):
        cobol = notebook("1", kernel=None, language_info={"name": "cobol"})
        self.refused_untouched("a.ipynb", cobol, code=UNFIT, says=["kernelspec", "cobol"])
        self.celldeck("run", "a.ipynb", "--kernel", "python3")
        # As nbclient takes it: Python.
        self.write("b.ipynb", notebook("1", kernel=None))
        self.celldeck("run", "b.ipynb")

    def test_unknown_kernel(self):
        self.refused_untouched("a.ipynb", notebook("1", kernel="cobol"), code=UNFIT,
                               says=["cobol", "python3"])

    def test_one_bad_among_good_runs_none(self):
        good = self.write("a.ipynb", notebook("1"))
        before = good.read_bytes()
        self.write("b.ipynb", "nonsense")
        self.refused("run", "a.ipynb", "b.ipynb", code=USAGE, says="b.ipynb")
        self.assertEqual(good.read_bytes(), before)

    def kernelspec(self, name, *argv):
        folder = self.folder / "jupyter" / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps(
            {"argv": list(argv), "display_name": name, "language": "none"}))
        self.environment["JUPYTER_PATH"] = str(self.folder / "jupyter")

    def test_a_kernel_that_does_not_start(self):
        self.kernelspec("broken", "sh", "-c", "echo no libfoo here >&2; exit 3")
        path = self.write("a.ipynb", notebook("1", "2", kernel="broken"))
        before = self.read(path)
        ended = self.celldeck("run", path, code=FAILED)
        self.assertIn("no libfoo here", ended.stderr)
        self.assertIn("by hand (sh -c echo", ended.stderr)
        self.assertEqual(self.read(path), before)

    def test_a_kernel_whose_program_is_missing(self):
        self.kernelspec("nowhere", "/no/such/program", "{connection_file}")
        path = self.write("a.ipynb", notebook("1", kernel="nowhere"))
        ended = self.celldeck("run", path, code=FAILED)
        self.assertIn("/no/such/program", ended.stderr)

    def test_a_kernel_that_dies(self):
        path = self.write("a.ipynb", notebook(
            # ipykernel sends from a thread of its own, which needs a moment before the end
            "print('last words', flush=True)\nimport os, time; time.sleep(0.5); os._exit(9)",
            "print('never')"))
        ended = self.celldeck("run", path, code=FAILED)
        self.assertIn("the kernel died", ended.stderr)
        self.assertIn("run it again", ended.stderr)
        cells = self.read(path)["cells"]
        self.assertEqual(celldeck.text_of(cells[0]["outputs"]), "last words\n")
        self.assertEqual(cells[1]["outputs"], [])

    def test_the_port_is_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.refused("serve", "--port", port, code=UNFIT, says=[str(port), "in use"])

    def test_serve_options(self):
        self.refused("serve", "--port", "many", code=USAGE, says=["--port", "many"])
        for size in ("0", "0.5", "much"):
            self.refused("serve", "--max-database", size, code=USAGE, says=["--max-database", size])
        self.refused("serve", "--workspace", "nowhere", code=USAGE, says="nowhere")
        self.refused("serve", "--host", "0.0.0.0", code=UNFIT, says="TLS")

    def test_a_data_folder_that_cannot_be_written(self):
        (self.folder / "file").write_text("")
        self.write("a.ipynb", notebook("1"))
        self.refused("run", "a.ipynb", "--data-dir", self.folder / "file" / "x", code=UNFIT,
                     says=str(self.folder / "file"))

    def test_a_database_that_cannot_be_opened(self):
        (self.data / "sessions" / "state.db").mkdir(parents=True)
        self.write("a.ipynb", notebook("1"))
        for command in (["run", "a.ipynb"], ["serve", "--port", "0"], ["cleanup"], ["stats"],
                        ["check"]):
            self.refused(*command, code=UNFIT, says="state.db")

    def test_a_newer_schema(self):
        self.write("a.ipynb", notebook("1"))
        self.celldeck("run", "a.ipynb")
        file = self.data / "sessions" / "state.db"
        with sqlite3.connect(file) as database:
            # With the tables of this version it would be a wrong byte.
            database.execute("CREATE TABLE newer(id INTEGER PRIMARY KEY)")
            database.execute("PRAGMA user_version = 999")
        database.close()
        before = file.read_bytes()
        for command in (["run", "a.ipynb"], ["serve", "--port", "0"], ["tasks"], ["stats"]):
            self.refused(*command, code=UNFIT, says=["999", "newer"])
        self.assertEqual(file.read_bytes(), before)

    def test_not_a_database(self):
        file = self.data / "sessions" / "state.db"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"not a database at all " * 100)
        self.write("a.ipynb", notebook("1"))
        ended = self.celldeck("run", "a.ipynb")
        self.assertIn("state.db", ended.stderr)
        kept = [path for path in file.parent.iterdir() if ".damaged-" in path.name]
        self.assertEqual([path.read_bytes() for path in kept], [b"not a database at all " * 100])

    def test_a_second_engine_on_the_same_folder(self):
        server = self.serve()
        self.refused("serve", "--port", "0", code=UNFIT,
                     says=["in use", str(server.process.pid)])
        self.celldeck("stats")
        self.assertEqual(server.end(), 0)

    def test_files_of_maintenance(self):
        self.write("a.ipynb", notebook("1"))
        self.celldeck("run", "a.ipynb")
        self.refused("backup", "none/b.db", code=USAGE, says=["there is no folder", "none"])
        self.refused("restore", "a.ipynb", code=UNFIT, says=["a.ipynb is not restored"])
        said = self.celldeck("tasks", "--no-such", code=USAGE).stderr
        self.assertIn("'no-such'; see celldeck tasks --help", said)

    def test_queries_without_a_database(self):
        self.refused("tasks", code=FAILED, says="no queue")
        self.refused("stats", code=FAILED, says="no queue")

    def test_an_output_that_cannot_be_written(self):
        self.write("a.ipynb", notebook("1"))
        (self.work / "file").write_text("")
        self.refused("run", "a.ipynb", "--output", "file/b.ipynb", code=USAGE, says="file")

    def test_what_cannot_be_written_is_refused_before_it_runs(self):
        self.write("locked.ipynb", notebook("1")).chmod(0o444)
        self.write("a.ipynb", notebook("1"))
        (self.work / "locked").mkdir()
        (self.work / "locked").chmod(0o555)
        self.become_nobody()
        for arguments in (["locked.ipynb"], ["a.ipynb", "--output", "locked/"],
                          ["a.ipynb", "--output", "locked/b.ipynb"],
                          ["a.ipynb", "--output", "locked/c/"]):
            self.refused("run", *arguments, code=USAGE, says=["locked", "--output"])
        self.refused("tasks", code=FAILED, says="no queue")

    def test_a_notebook_that_is_named_twice(self):
        self.write("a.ipynb", notebook("1"))
        (self.work / "link.ipynb").symlink_to("a.ipynb")
        (self.work / "sub").mkdir()
        for more in ([], ["--output", "done/"]):
            self.refused("run", "sub/../a.ipynb", "link.ipynb", *more, code=USAGE,
                         says=["a.ipynb", "twice"])
        self.refused("run", "a.ipynb", "none.ipynb", "--output", "done/", code=USAGE,
                     says="none.ipynb")
        self.assertFalse((self.work / "done").exists())

    def test_words_that_a_command_does_not_take(self):
        for command in (["tasks"], ["stats"], ["serve", "--port", "0"], ["check"]):
            self.refused(*command, "word", code=USAGE, says=["word", command[0]])

    def test_the_console_without_a_display(self):
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
            self.environment.pop(name, None)
        if os.environ["CELLDECK_UI"] != "ON":
            self.refused(code=UNFIT, says=["without the console", "celldeck serve"])
            return
        self.refused(code=UNFIT, says=["no display", "celldeck serve"])
        for display in ({"DISPLAY": ":4095"}, {"WAYLAND_DISPLAY": "none"}):
            ended = self.celldeck(code=UNFIT, **display)
            self.assertEqual(len(ended.stderr.splitlines()), 1, ended.stderr)
            self.assertIn("no display", ended.stderr)
        # What a display would not mend comes first.
        self.refused("--typo", code=USAGE, says="typo")
        self.refused("--port", "many", code=USAGE, says=["--port", "many"])
        self.refused("none.ipynb", code=USAGE, says="none.ipynb")

    def test_settings_that_cannot_be_read(self):
        self.refused("stats", "--config", "none.ini", code=USAGE, says=["none.ini", "--config"])
        (self.work / "bad.ini").write_text("[General\nlimit=1\n")
        self.refused("stats", "--config", "bad.ini", code=USAGE, says=["bad.ini", "damaged"])

    def test_every_sample_is_read_or_refused(self):
        for sample in sorted((SAMPLES / "format").glob("*.ipynb")):
            with self.subTest(sample.name):
                path = self.write(sample.name, sample.read_bytes())
                ended = subprocess.run(
                    [celldeck.PROGRAM, "run", path, "--kernel", "python3", "--timeout", "5",
                     "--output", self.work / "out.ipynb"],
                    env=self.environment, cwd=self.work, capture_output=True, text=True,
                    stdin=subprocess.DEVNULL, timeout=celldeck.LIMIT_S)
                self.assertIn(ended.returncode, (0, FAILED, USAGE, celldeck.TIMED_OUT), ended.stderr)
                self.assertTrue(ended.stderr.strip())
                self.assertEqual(path.read_bytes(), sample.read_bytes())


if __name__ == "__main__":
    celldeck.main()
