"""A cell whose request has not left for its kernel yet has done nothing, whatever happens then."""

import shutil
import unittest

import celldeck
from celldeck import notebook
from kernelcase import Kernels


class NotLeft(Kernels):
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


if __name__ == "__main__":
    celldeck.main()
