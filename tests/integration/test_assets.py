"""Big outputs become files that a lease keeps, and nothing else is ever removed."""

import base64
import datetime
import json
import os
import sqlite3

import celldeck
from celldeck import FAILED, ToolError, notebook, text_of

LIMIT_S = 60
LINES = "for i in range(1, 3001): print('line', i)"
PICTURE = (
    "import base64\nfrom IPython.display import display\n"
    "import struct, zlib\n"
    "def png(width, height):\n"
    "    def chunk(kind, data):\n"
    "        return (struct.pack('>I', len(data)) + kind + data\n"
    "                + struct.pack('>I', zlib.crc32(kind + data)))\n"
    "    rows = b''.join(b'\\0' + bytes(3 * width) for _ in range(height))\n"
    "    return (b'\\x89PNG\\r\\n\\x1a\\n'\n"
    "            + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0))\n"
    "            + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))\n"
    "display({'image/png': base64.b64encode(png(2000, 30)).decode(), 'text/plain': 'a picture'},"
    " raw=True)"
)


class Assets(celldeck.CelldeckTest):
    def setUp(self):
        super().setUp()
        self.path = self.write("a.ipynb", notebook(
            LINES, PICTURE, "print('small')", "print('x' * 3_000_000)",
            "from IPython.display import HTML\nHTML('<p>' + 'long ' * 1000 + '</p>')",
            "raise ValueError('long ' * 1000)"))
        self.server = self.serve()

    def run_cell(self, index, status="completed", path="a.ipynb"):
        task = self.server.call("run_cell_async", notebook_path=path, index=index)["task_id"]
        done = self.server.call("wait_for_task", task_id=task, timeout_s=LIMIT_S)
        self.assertEqual(done["status"], status)
        return done

    def files(self):
        folder = self.work / "assets"
        return sorted(p.name for p in folder.iterdir() if p.is_file()) if folder.exists() else []

    def sql(self, statement, *values):
        with sqlite3.connect(self.data / "sessions" / "state.db", timeout=10) as database:
            rows = database.execute(statement, values).fetchall()
        database.close()
        return rows

    def expire(self):
        """As if a day had passed that the engine has seen."""
        self.sql("UPDATE lease SET expires = 0")

    def in_notebook(self, index):
        return self.read(self.path)["cells"][index]["outputs"]

    def flush(self):
        """The engine writes what the notebook still lacks, and starts again."""
        self.assertEqual(self.server.end(), 0)
        self.server = self.serve()

    def test_long_text(self):
        done = self.run_cell(0)
        whole = "".join(f"line {i}\n" for i in range(1, 3001))
        shown = done["outputs"][0]["text"]
        self.assertLessEqual(len(shown), 2000)
        self.assertTrue(shown.startswith("line 1\nline 2\n") and shown.endswith("line 3000\n"))
        asset = done["outputs"][0]["assets"][0]
        self.assertIn(asset["asset"], shown)
        self.assertEqual(self.files(), [asset["asset"]])
        self.assertEqual((self.work / "assets" / asset["asset"]).read_text(), whole)
        # The record and the notebook have what Jupyter would have.
        record = json.loads(self.celldeck("show", done["task_id"], "--json").stdout)
        self.assertEqual(text_of(record["outputs"]), whole)
        self.flush()
        self.assertEqual(self.in_notebook(0), [{
            "output_type": "stream", "name": "stdout", "text": whole.splitlines(keepends=True)}])

        call = self.server.call
        lines = call("read_asset", asset=asset["asset"], lines=[10, 12])
        self.assertEqual([line["text"] for line in lines["lines"]],
                         ["line 10", "line 11", "line 12"])
        self.assertEqual((lines["total_lines"], lines["more"]), (3000, False))
        found = call("read_asset", asset=asset["path"], search="7{3}$", max_lines=2)
        self.assertEqual([line["number"] for line in found["lines"]], [777, 1777])
        self.assertTrue(found["more"])
        self.assertEqual(call("get_asset_content", asset=asset["asset"])["content"], whole)
        relative = call("read_asset", asset=f"assets/{asset['asset']}", lines=[1, 1])
        self.assertEqual(relative["path"], asset["path"])
        for wrong in (dict(asset="nothing.txt"), dict(asset="/etc/passwd"),
                      dict(asset="assets/../a.ipynb")):
            with self.assertRaises(ToolError) as caught:
                call("read_asset", **wrong)
            self.assertEqual(caught.exception.code, "not_found")
        for wrong in (dict(lines=[3, 1]), dict(lines=[1]), dict(search="("), dict(max_lines=0)):
            with self.assertRaises(ToolError) as caught:
                call("read_asset", asset=asset["asset"], **wrong)
            self.assertEqual(caught.exception.code, "invalid_argument", wrong)

    def test_picture(self):
        done = self.run_cell(1)
        output = done["outputs"][0]
        self.assertEqual(output["data"], {"text/plain": "a picture"})
        asset = output["assets"][0]
        self.assertEqual((asset["mime_type"], asset["path"][-4:]), ("image/png", ".png"))
        self.assertEqual(len(self.files()), 2)  # and a small one
        result = self.server.request("tools/call", name="peek_asset",
                                     arguments={"asset": asset["asset"]})
        kinds = [block["type"] for block in result["content"]]
        self.assertEqual(kinds, ["text", "image"])
        image = base64.b64decode(result["content"][1]["data"])
        self.assertEqual(image[:4], b"\x89PNG")
        self.assertEqual(int.from_bytes(image[16:20]), 1024)
        self.assertLessEqual(len(image), 200_000)
        content = self.server.call("get_asset_content", asset=asset["asset"])
        self.assertEqual(content["encoding"], "base64")
        self.flush()
        self.assertEqual(base64.b64decode(content["content"]),
                         base64.b64decode(self.in_notebook(1)[0]["data"]["image/png"]))
        with self.assertRaises(ToolError):
            self.server.call("read_asset", asset=asset["asset"])

    def test_small_output_makes_no_file(self):
        done = self.run_cell(2)
        self.assertEqual(done["outputs"], [
            {"output_type": "stream", "name": "stdout", "text": "small\n"}])
        self.assertFalse((self.work / "assets").exists())

    def test_what_is_too_big_for_a_record(self):
        done = self.run_cell(3)
        whole = "x" * 3_000_000 + "\n"
        asset = done["outputs"][0]["assets"][0]
        self.assertEqual((self.work / "assets" / asset["asset"]).read_text(), whole)
        (size,), = self.sql("SELECT length(outputs) FROM task")
        self.assertLess(size, 5000)
        self.flush()
        self.assertEqual("".join(self.in_notebook(3)[0]["text"]), whole)
        # As long as there is the record, there is the file that it names.
        self.expire()
        swept = self.server.call("prune_unused_assets", notebook_path="a.ipynb")
        self.assertEqual((swept["assets"], self.files()), (0, [asset["asset"]]))
        again = self.server.call("get_execution_status", task_id=done["task_id"])
        self.assertEqual(again["outputs"], done["outputs"])
        self.server.call("cleanup_tasks", age_hours=0)
        swept = self.server.call("prune_unused_assets", notebook_path="a.ipynb")
        self.assertEqual((swept["assets"], swept["bytes"]), (1, 3_000_001))

    def test_html_and_tracebacks(self):
        output = self.run_cell(4)["outputs"][0]
        self.assertEqual(list(output["data"]), ["text/plain"])
        self.assertEqual(output["assets"][0]["path"][-5:], ".html")
        error = self.run_cell(5, "failed")["outputs"][0]
        self.assertEqual(error["ename"], "ValueError")
        self.assertEqual([asset["of"] for asset in error["assets"]], ["evalue", "traceback"])
        self.assertLess(len(error["evalue"]), 2001)
        self.assertLess(len(error["traceback"][0]), 2001)

    def test_while_it_runs(self):
        self.write("b.ipynb", notebook(
            "for i in range(1000): print(i)\nimport time\ntime.sleep(0.1)\n"
            "open('ready', 'w').close()\nwhile True: time.sleep(0.01)"))
        task = self.server.call("run_cell_async", notebook_path="b.ipynb", index=0)["task_id"]
        early = self.server.call("wait_for_task", task_id=task, timeout_s=5)
        self.assertEqual((early["status"], early["timed_out"]), ("running", True))
        asset = early["outputs"][0]["assets"][0]
        self.assertEqual((asset["asset"], asset["lines"]), (None, 1000))
        self.assertLess(len(early["outputs"][0]["text"]), 2001)
        self.server.call("cancel_execution", task_id=task)

    def test_leases_from_outside(self):
        self.run_cell(0)
        self.run_cell(1)
        leases = self.server.call("list_leases")["leases"]
        self.assertEqual(sorted(lease["asset"] for lease in leases),
                         [name for name in self.files() if "-small" not in name])
        first = leases[0]
        self.assertEqual(first["notebook_path"], str(self.path))
        begin, end = (datetime.datetime.fromisoformat(first[key].replace("Z", "+00:00"))
                      for key in ("created_at", "expires_at"))
        self.assertAlmostEqual((end - begin).total_seconds(), 24 * 3600, delta=60)
        page = self.server.call("list_leases", limit=1)
        self.assertEqual(len(page["leases"]), 1)
        rest = self.server.call("list_leases", limit=1, cursor=page["next_cursor"])
        paged = page["leases"] + rest["leases"]
        self.assertEqual([lease["path"] for lease in paged], [lease["path"] for lease in leases])
        for lease, same in zip(paged, leases):
            # It ends by the clock of leases, so its end by the wall's is reckoned at each call.
            ends = (datetime.datetime.fromisoformat(each.pop("expires_at").replace("Z", "+00:00"))
                    for each in (lease, same))
            self.assertAlmostEqual(next(ends).timestamp(), next(ends).timestamp(), delta=60)
            self.assertEqual(lease, same)
        self.assertIsNone(rest["next_cursor"])
        summary = self.server.call("get_assets_summary", notebook_path="a.ipynb")
        self.assertEqual((summary["assets"], summary["expired_assets"]), (2, 0))
        self.assertEqual(summary["bytes"], sum(lease["bytes"] for lease in leases))
        # From the shell, and by the SQL that operators always ran.
        listed = [json.loads(line) for line in
                  self.celldeck("leases", "--json").stdout.splitlines()]
        self.assertEqual([lease["path"] for lease in listed], [lease["path"] for lease in leases])
        self.assertIn("until ", self.celldeck("leases", "--notebook", "a.ipynb").stdout)
        none = self.celldeck("leases", "--notebook", "other.ipynb", code=FAILED)
        self.assertIn("no lease matches", none.stderr)
        rows = self.sql("SELECT asset_path, notebook_path, lease_expires, created_at"
                        " FROM asset_leases ORDER BY 1")
        self.assertEqual([row[0] for row in rows], [lease["path"] for lease in leases])
        self.assertEqual(rows[0][3], first["created_at"])
        self.assertEqual(self.active(), 2)

        call = self.server.call
        self.assertTrue(call("pin_asset", asset=first["asset"])["pinned"])
        released = call("release_lease", asset=leases[1]["asset"])
        self.assertFalse(released["active"])
        self.assertEqual(self.active(), 1)
        self.assertEqual(released["created_at"], leases[1]["created_at"])
        self.assertTrue(call("renew_lease", asset=leases[1]["asset"])["active"])
        self.assertFalse(call("pin_asset", asset=first["asset"], pinned=False)["pinned"])
        self.assertEqual(self.active(), 2)
        self.expire()
        self.assertEqual(self.active(), 0)

    def active(self):
        return json.loads(self.celldeck("stats", "--json").stdout)["active_leases"]

    def test_pruning(self):
        text, image = (self.run_cell(i)["outputs"][0]["assets"][0] for i in (0, 1))
        mine = self.work / "assets" / "photo.png"
        mine.write_bytes(b"mine")
        prune = lambda **more: self.server.call(
            "prune_unused_assets", notebook_path="a.ipynb", **more)
        self.assertEqual((prune()["assets"], len(self.files())), (0, 4))
        # Stopping a kernel removes nothing.
        self.server.call("stop_kernel", notebook_path="a.ipynb")
        self.assertEqual(len(self.files()), 4)
        self.flush()
        self.expire()
        preview = prune(dry_run=True)
        self.assertEqual((preview["assets"], preview["bytes"]),
                         (2, text["bytes"] + image["bytes"]))
        self.assertEqual(len(self.files()), 4)
        # One is in a saved notebook, one in what an editor has not saved yet.
        self.write("b.ipynb", notebook(f"# see assets/{text['asset']}"))
        swept = prune(referenced=[f"![](assets/{image['asset']})"])
        self.assertEqual((swept["assets"], swept["renewed"]), (0, 2))
        self.expire()
        swept = prune()
        self.assertEqual((swept["assets"], swept["renewed"], swept["bytes"]),
                         (1, 1, image["bytes"]))
        self.assertEqual(self.files(), sorted([text["asset"], mine.name]))
        # Who asks for it gets it back.
        self.server.call("peek_asset", asset=image["asset"])
        self.assertIn(image["asset"], self.files())
        self.assertEqual(mine.read_bytes(), b"mine")

    def test_a_folder_that_cannot_be_made(self):
        (self.work / "assets").write_text("in the way")
        image = self.run_cell(1)
        self.assertIsNone(image["outputs"][0]["assets"][0]["asset"])
        lines = self.run_cell(0)
        self.assertIsNone(lines["outputs"][0]["assets"][0]["asset"])
        record = json.loads(self.celldeck("show", lines["task_id"], "--json").stdout)
        self.assertEqual(text_of(record["outputs"]),
                         "".join(f"line {i}\n" for i in range(1, 3001)))
        # What is too long for memory goes to the engine's own folder.
        growing = notebook("for i in range(300): print('y' * 9_999, flush=True)")
        done = {"a.ipynb": self.run_cell(3)}
        self.write("b.ipynb", growing)
        done["b.ipynb"] = self.run_cell(0, path="b.ipynb")
        self.flush()
        for path, index, length in (("a.ipynb", 3, 3_000_001), ("b.ipynb", 0, 3_000_000)):
            asset = done[path]["outputs"][0]["assets"][0]
            self.assertEqual(asset["bytes"], length)
            self.assertEqual(os.path.dirname(asset["path"]), f"{self.data}/assets")
            answer = self.server.call("read_asset", asset=asset["path"], lines=[1, 1])
            self.assertEqual(len(answer["lines"]), 1)
            record = json.loads(self.celldeck("show", done[path]["task_id"], "--json").stdout)
            self.assertEqual(record["outputs"][0]["assets"][0]["path"], asset["path"])
            self.assertEqual(os.path.getsize(asset["path"]), length)
            in_notebook = self.read(self.work / path)["cells"][index]["outputs"]
            self.assertEqual(len(text_of(in_notebook)), length)

    def test_one_folder_for_all(self):
        self.assertEqual(self.server.end(), 0)
        self.server = self.serve("--assets-dir", self.folder / "shared")
        done = self.run_cell(0)
        path = done["outputs"][0]["assets"][0]["path"]
        self.assertTrue(path.startswith(str(self.folder / "shared")))
        self.assertEqual(self.files(), [])
        self.assertEqual(
            self.server.call("read_asset", asset=path, lines=[1, 1])["lines"][0]["text"], "line 1")

    def test_run_makes_no_folder(self):
        self.assertEqual(self.server.end(), 0)
        self.celldeck("run", "a.ipynb", "--allow-errors", "--output", self.folder / "done.ipynb")
        self.assertFalse((self.work / "assets").exists())
        outputs = self.read(self.folder / "done.ipynb")["cells"][3]["outputs"]
        self.assertEqual(len(text_of(outputs)), 3_000_001)


if __name__ == "__main__":
    celldeck.main()
