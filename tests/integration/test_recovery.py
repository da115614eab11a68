"""`kill -9` of the engine: kernels live on and are taken up again, and nothing is lost."""

import contextlib
import http.client
import os
import signal
import sqlite3
import subprocess
import sys

import celldeck
import recoverycase
from celldeck import TAKEN_OVER, notebook, text_of, until
from recoverycase import LIMIT_S


class Recovery(recoverycase.Recovery):
    def test_a_running_cell_is_followed_to_its_end(self):
        server, tasks = self.begin()
        kernels = self.kernels()
        self.assertEqual(len(kernels), 1)
        self.crash(server)
        server, errors = self.again()
        self.assertIn("was not ended in order: of its tasks 1 run on, 0 were interrupted, "
                      "1 were restored", errors.read_text())
        self.assertEqual(server.call("get_execution_status", task_id=tasks[0])["status"], "running")
        self.until_heard(errors)
        self.open_gate()
        done = self.wait(server, tasks[0])
        self.assertEqual((done["status"], text_of(done["outputs"]), done["execution_count"]),
                         ("completed", f"before\n{TAKEN_OVER}after\n", 1))
        done = self.wait(server, tasks[1])
        self.assertEqual((done["status"], text_of(done["outputs"])), ("completed", "7\n"))
        self.assertFalse(done["state_lost"])
        # What the engine has asked the kernel meanwhile is nobody's orphan.
        self.assertEqual(server.call("list_orphans")["rings"], [])
        self.assertEqual(self.kernels(), kernels)
        self.assertEqual(server.end(), 0)
        self.assertEqual(self.kernels(), [])
        cells = self.read(self.work / "a.ipynb")["cells"]
        self.assertEqual([text_of(cell["outputs"]) for cell in cells], [f"before\n{TAKEN_OVER}after\n", "7\n"])

    def test_a_followed_cell_can_be_cancelled(self):
        server, tasks = self.begin()
        self.crash(server)
        server, _ = self.again()
        done = server.call("cancel_execution", task_id=tasks[0])
        self.assertEqual(done["status"], "cancelled")
        self.assertEqual(text_of(self.show(tasks[0])["outputs"]), "before\n" + TAKEN_OVER)

    def test_twice_killed(self):
        server, tasks = self.begin()
        for _ in range(2):
            self.crash(server)
            server, errors = self.again()
        self.until_heard(errors)
        self.open_gate()
        self.assertEqual(self.wait(server, tasks[1])["status"], "completed")

    def test_a_cell_that_ended_while_nobody_listened(self):
        server, tasks = self.begin()
        self.crash(server)
        self.open_gate()
        until("the cell's end", self.passed.exists)
        server, _ = self.again()
        done = self.wait(server, tasks[0])
        self.assertEqual((done["status"], text_of(done["outputs"])), ("interrupted", "before\n" + TAKEN_OVER))
        self.assertIn("while no engine listened", done["error"])
        # The rest of its run is not begun behind a cell that did not complete.
        self.assertEqual(self.wait(server, tasks[1])["status"], "cancelled")
        more = server.call("run_cell_async", notebook_path="a.ipynb", index=1)
        done = self.wait(server, more["task_id"])
        self.assertEqual((done["status"], text_of(done["outputs"])), ("completed", "7\n"))

    def test_kernel_and_engine_both_gone(self):
        server, tasks = self.begin()
        other = server.call("run_cell_async", notebook_path="a.ipynb", index=1,
                            code_override="print('x' in globals())")["task_id"]
        self.crash(server)
        self.end_kernels()
        until("the kernel's end", lambda: not self.kernels())
        server, errors = self.again()
        self.assertIn("of its tasks 0 run on, 1 were interrupted, 2 were restored (2 of them "
                      "without the state of their kernel)", errors.read_text())
        done = self.wait(server, tasks[0])
        self.assertEqual((done["status"], text_of(done["outputs"])), ("interrupted", "before\n"))
        done = self.wait(server, other)
        self.assertEqual((done["status"], text_of(done["outputs"]), done["state_lost"]),
                         ("completed", "False\n", True))

    def test_what_waits_runs_where_its_session_had_moved_to(self):
        moved = self.folder / "moved"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--system-site-packages",
                        moved], check=True)
        server = self.serve()
        server.call("start_kernel", notebook_path="a.ipynb")
        server.call("switch_kernel_environment", notebook_path="a.ipynb", venv_path=str(moved))
        first = server.call("run_all_cells", notebook_path="a.ipynb")["task_ids"][0]
        task = server.call("run_cell_async", notebook_path="a.ipynb", index=1,
                           code_override="import sys; print(sys.prefix)")["task_id"]
        until("a cell that runs", lambda: self.show(first)["status"] == "running")
        # Twice: the second engine has started no kernel.
        for arguments in (["--recovery", "hold"], []):
            self.crash(server)
            self.end_kernels()
            until("the kernel's end", lambda: not self.kernels())
            server, _ = self.again(*arguments)
        server.call("resume_queue", notebook_path="a.ipynb")
        done = self.wait(server, task)
        self.assertEqual((text_of(done["outputs"]), done["state_lost"]), (f"{moved}\n", True))

    def test_it_does_so_if_its_kernel_had_gone_before_the_engine(self):
        moved = self.folder / "moved"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--system-site-packages",
                        moved], check=True)
        for how in ("it died", "it was restarted"):
            with self.subTest(how):
                # The third kernel to start is the restarted one.
                self.environment["CELLDECK_CRASH_AT"] = (
                    "kernel.started:3" if how == "it was restarted" else "")
                server = self.serve()
                server.call("start_kernel", notebook_path="a.ipynb")
                server.call("switch_kernel_environment", notebook_path="a.ipynb",
                            venv_path=str(moved))
                server.call("pause_queue")
                task = server.call("run_cell_async", notebook_path="a.ipynb", index=1,
                                   code_override="import sys; print(sys.prefix)")["task_id"]
                if how == "it died":
                    self.end_kernels()
                    until("its end is known", lambda: "dead" in [
                        one["kernel"]["state"] for one in server.call("list_kernels")["kernels"]])
                    self.crash(server)
                else:
                    with self.assertRaises((OSError, http.client.HTTPException)):
                        server.call("restart_kernel", notebook_path="a.ipynb")
                    server.process.wait(LIMIT_S)
                    self.end_kernels()
                until("the kernel's end", lambda: not self.kernels())
                self.environment.pop("CELLDECK_CRASH_AT")
                server, _ = self.again()
                server.call("resume_queue")
                done = self.wait(server, task)
                self.assertEqual((text_of(done["outputs"]), done["state_lost"]),
                                 (f"{moved}\n", True))
                self.assertEqual(server.end(), 0)

    def test_another_process_with_its_pid_is_not_its_kernel(self):
        server, tasks = self.begin()
        kernel = self.kernels()
        self.crash(server)
        with sqlite3.connect(self.data / "sessions" / "state.db") as database:
            changed = database.execute("UPDATE kernel SET started = started + 1")
            self.assertEqual(changed.rowcount, 1)
        database.close()
        server, _ = self.again()
        self.assertEqual(self.wait(server, tasks[0])["status"], "interrupted")
        # Nobody can speak with the old one any more: it was ended, and not kept for ever.
        self.assertNotIn(kernel[0], self.kernels())

    def test_hold_waits_for_the_operator(self):
        server, tasks = self.begin()
        other = server.call("run_cell_async", notebook_path="a.ipynb", index=1,
                            code_override="print('held')")["task_id"]
        self.crash(server)
        self.end_kernels()
        server, _ = self.again("--recovery", "hold")
        done = server.call("wait_for_task", task_id=other, timeout_s=0.5)
        self.assertEqual((done["status"], done["timed_out"]), ("pending", True))
        server.call("resume_queue", notebook_path="a.ipynb")
        self.assertEqual(text_of(self.wait(server, other)["outputs"]), "held\n")

    def test_replay_rebuilds_the_state(self):
        server = self.serve()
        self.write("b.ipynb", notebook("y = 5", f"open({str(self.gate)!r}).read()", "print(y)"))
        run = [server.call("run_cell_async", notebook_path="b.ipynb", index=i)["task_id"]
               for i in range(3)]
        self.assertEqual(self.wait(server, run[0])["status"], "completed")
        until("the second cell", lambda: self.show(run[1])["status"] == "running")
        self.crash(server)
        self.end_kernels()
        until("the kernel's end", lambda: not self.kernels())
        server, errors = self.again("--recovery", "replay")
        done = self.wait(server, run[2])
        self.assertEqual((done["status"], text_of(done["outputs"]), done["state_lost"]),
                         ("completed", "5\n", False))
        again = [task for task in server.call("list_tasks")["tasks"] if task["replay_of"]]
        self.assertEqual([(task["replay_of"], task["status"]) for task in again],
                         [(run[0], "completed")])
        self.assertIn("1 run again to rebuild the state", errors.read_text())

    def die_at(self, point, *arguments):
        """An engine that dies on its way, by base/crashpoint.h."""
        environment = dict(self.environment, CELLDECK_CRASH_AT=point)
        with self.assertRaises(celldeck.NoAddress) as died:
            celldeck.Server(environment, self.work, ["serve", *arguments])
        self.assertEqual(died.exception.code, -signal.SIGKILL)

    def test_a_crash_in_the_replay_replays_once(self):
        server = self.serve()
        self.write("b.ipynb", notebook("y = 5", f"open({str(self.gate)!r}).read()", "print(y)"))
        run = [server.call("run_cell_async", notebook_path="b.ipynb", index=i)["task_id"]
               for i in range(3)]
        until("the second cell", lambda: self.show(run[1])["status"] == "running")
        self.crash(server)
        self.end_kernels()
        until("the kernel's end", lambda: not self.kernels())
        self.die_at("recovery.interrupted:1", "--recovery", "replay")
        self.die_at("recovery.kernel_lost:1", "--recovery", "replay")
        server, _ = self.again("--recovery", "replay")
        done = self.wait(server, run[2])
        self.assertEqual((done["status"], text_of(done["outputs"]), done["state_lost"]),
                         ("completed", "5\n", False))
        again = [task for task in server.call("list_tasks")["tasks"] if task["replay_of"]]
        self.assertEqual([task["replay_of"] for task in again], [run[0]])

    def test_a_crash_in_recovery_hides_no_lost_state(self):
        server, tasks = self.begin()
        other = server.call("run_cell_async", notebook_path="a.ipynb", index=1,
                            code_override="print('x' in globals())")["task_id"]
        self.crash(server)
        self.end_kernels()
        until("the kernel's end", lambda: not self.kernels())
        self.die_at("recovery.interrupted:1")
        self.die_at("recovery.kernel_lost:1")
        server, _ = self.again()
        done = self.wait(server, other)
        self.assertEqual((text_of(done["outputs"]), done["state_lost"]), ("False\n", True))
        self.assertEqual(self.wait(server, tasks[0])["status"], "interrupted")

    def test_a_result_that_had_not_come_into_its_file(self):
        self.write("c.ipynb", notebook("print('c')"))
        self.environment["CELLDECK_CRASH_AT"] = "session.end_committed:1"
        server = self.serve()
        del self.environment["CELLDECK_CRASH_AT"]
        task = server.call("run_cell_async", notebook_path="c.ipynb", index=0)["task_id"]
        self.assertEqual(server.process.wait(LIMIT_S), -signal.SIGKILL)
        self.assertEqual(self.read(self.work / "c.ipynb")["cells"][0]["outputs"], [])
        server = self.serve()
        self.assertEqual(self.wait(server, task)["status"], "completed")
        until("the outputs in the file",
              lambda: text_of(self.read(self.work / "c.ipynb")["cells"][0]["outputs"]) == "c\n")

    def test_what_left_ahead_of_its_commit_is_not_run_again(self):
        self.write("c.ipynb", notebook(*(f"open({str(self.work)!r} + '/ran', 'a').write('{i}')"
                                         for i in range(8))))
        tasks = self.die_with_a_run("session.sent_ahead:2", "c.ipynb")
        server, _ = self.again()
        ended = [self.wait(server, task)["status"] for task in tasks]
        # The engine died when the second one had left ahead: the end of the one before it was not
        # recorded, and whether it has been heard by anyone itself depends on the kernel. A slow
        # engine sends the first ones in time only, so which they are does too.
        last = ended.index("interrupted")
        self.assertGreaterEqual(last, 1)
        self.assertIn(ended[last + 1], ("completed", "interrupted"))
        self.assertEqual(set(ended[:last] + ended[last + 2:]), {"completed"})
        ran = (self.work / "ran").read_text()
        self.assertEqual(sorted(set(ran)), sorted(ran), "nothing ran twice")

    def test_what_was_announced_and_has_not_left_runs(self):
        self.write("c.ipynb", notebook(*(f"print({i})" for i in range(4))))
        # Behind the commit that announces the third, while the second runs.
        tasks = self.die_with_a_run("session.replied:2", "c.ipynb")
        server, _ = self.again()
        ended = [self.wait(server, task)["status"] for task in tasks]
        self.assertEqual(ended, ["completed", "interrupted", "completed", "completed"])

    def test_what_was_marked_as_running_and_has_not_left_runs(self):
        self.write("c.ipynb", notebook(*(f"open({str(self.work)!r} + '/ran', 'a').write('{i}')"
                                         for i in range(4))))
        tasks = self.die_with_a_run("session.running_committed:6", "c.ipynb", alone=5)
        self.assertEqual([self.show(task)["status"] for task in tasks],
                         ["running", "pending", "pending", "pending"])
        self.die_at("recovery.settled:1")
        # The next one has taken up the kernel of another, and dies in the same place.
        self.environment["CELLDECK_CRASH_AT"] = "session.running_committed:1"
        server = self.serve("--recovery", "hold")
        del self.environment["CELLDECK_CRASH_AT"]
        with contextlib.suppress(OSError, http.client.HTTPException):  # It may die before it answers.
            server.call("resume_queue", notebook_path="c.ipynb")
        self.assertEqual(server.process.wait(LIMIT_S), -signal.SIGKILL)
        server, errors = self.again()
        self.assertIn("0 were interrupted, 4 were restored", errors.read_text())
        for task in tasks:
            done = self.wait(server, task)
            self.assertEqual((done["status"], done["state_lost"]), ("completed", False))
        self.assertEqual((self.work / "ran").read_text(), "000000123")

    def test_what_has_not_left_runs_without_its_kernel_too(self):
        self.write("c.ipynb", notebook("print('c')"))
        task, = self.die_with_a_run("session.running_committed:1", "c.ipynb")
        self.end_kernels()
        until("the kernel's end", lambda: not self.kernels())
        server, _ = self.again()
        done = self.wait(server, task)
        self.assertEqual((done["status"], text_of(done["outputs"]), done["state_lost"]),
                         ("completed", "c\n", True))

    def die_with_a_run(self, where, path, alone=0):
        """Tasks of the cells of a notebook, whose engine dies at that point of them. Before, the
        first cell runs so often alone."""
        self.environment["CELLDECK_CRASH_AT"] = where
        server = self.serve()
        del self.environment["CELLDECK_CRASH_AT"]
        for _ in range(alone):
            task = server.call("run_cell_async", notebook_path=path, index=0)["task_id"]
            self.assertEqual(self.wait(server, task)["status"], "completed")
        server.call("pause_queue")  # until all of them wait
        tasks = [server.call("run_cell_async", notebook_path=path, index=index)["task_id"]
                 for index in range(len(self.read(self.work / path)["cells"]))]
        server.call("resume_queue")
        self.assertEqual(server.process.wait(LIMIT_S), -signal.SIGKILL)
        return tasks

    def test_an_end_in_order_leaves_nothing_to_tell(self):
        server = self.serve()
        task = server.call("run_cell_async", notebook_path="a.ipynb", index=1,
                           code_override="1")["task_id"]
        self.wait(server, task)
        self.assertEqual(server.end(), 0)
        self.assertEqual(self.kernels(), [])
        self.assertEqual(sorted(path.name for path in (self.data / "runtime").iterdir()), [])
        server, errors = self.again()
        self.assertEqual(errors.read_text(), "")


class TwoEngines(celldeck.CelldeckTest):
    def test_the_second_refuses_and_names_the_first(self):
        first = self.serve()
        refused = self.celldeck("serve", "--port", 0, code=celldeck.UNFIT)
        self.assertIn(f"in use by another Celldeck (process {first.process.pid})", refused.stderr)
        self.assertIn("an engine runs", self.celldeck("restore", __file__,
                                                      code=celldeck.UNFIT).stderr)
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        self.serve()

    def test_a_pid_that_came_again_is_not_the_first(self):
        first = self.serve()
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        # Another Celldeck, on another folder, has got the dead one's pid.
        here, self.environment = self.environment, dict(
            self.environment, CELLDECK_DATA_DIR=str(self.folder / "other"))
        other = self.serve()
        self.environment = here
        (self.data / "runtime" / "engine.lock").write_text(
            f"{other.process.pid}\ncelldeck\n{os.uname().nodename}\n")
        self.serve()


class Queue(celldeck.CelldeckTest):
    def setUp(self):
        super().setUp()
        self.write("a.ipynb", notebook(*(f"print({i})" for i in range(4))))

    def submit(self, server, index, **more):
        return server.call("run_cell_async", notebook_path="a.ipynb", index=index, **more)["task_id"]

    def order(self, server, tasks):
        done = [server.call("wait_for_task", task_id=task, timeout_s=LIMIT_S) for task in tasks]
        self.assertEqual({task["status"] for task in done}, {"completed"})
        return [task["task_id"] for task in sorted(done, key=lambda task: task["execution_count"])]

    def test_orders_outlive_a_crash(self):
        server = self.serve()
        server.call("pause_queue")
        tasks = [self.submit(server, i) for i in range(4)]
        server.call("move_task", task_id=tasks[3], position=0)
        server.call("move_task", task_id=tasks[0], position=99)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        server = self.serve()
        still = server.call("wait_for_task", task_id=tasks[3], timeout_s=0.3)
        self.assertEqual(still["status"], "pending")
        self.assertTrue(server.call("pause_queue")["all_paused"])
        server.call("resume_queue")
        self.assertEqual(self.order(server, tasks), [tasks[i] for i in (3, 1, 2, 0)])

    def test_one_notebook_pauses_alone(self):
        self.write("b.ipynb", notebook("print('b')"))
        server = self.serve()
        paused = server.call("pause_queue", notebook_path="a.ipynb")
        self.assertEqual(paused["paused_notebooks"], [str(self.work / "a.ipynb")])
        held = self.submit(server, 0)
        free = server.call("run_cell_async", notebook_path="b.ipynb", index=0)["task_id"]
        self.order(server, [free])
        self.assertEqual(server.call("get_execution_status", task_id=held)["status"], "pending")
        server.call("resume_queue", notebook_path="a.ipynb")
        self.order(server, [held])

    def test_stop_on_error(self):
        server = self.serve()
        server.call("pause_queue")
        server.call("set_stop_on_error", notebook_path="a.ipynb", enabled=True)
        tasks = [self.submit(server, 0, code_override="1/0"), self.submit(server, 1)]
        server.call("resume_queue")
        states = [server.call("wait_for_task", task_id=task, timeout_s=LIMIT_S)["status"]
                  for task in tasks]
        self.assertEqual(states, ["failed", "cancelled"])
        server.call("pause_queue")
        server.call("set_stop_on_error", notebook_path="a.ipynb", enabled=False)
        tasks = server.call("run_all_cells", notebook_path="a.ipynb")["task_ids"]
        bad = self.submit(server, 0, code_override="1/0")
        server.call("move_task", task_id=bad, position=0)
        server.call("resume_queue")
        self.order(server, tasks)

    def test_cancel_all_and_replay(self):
        server = self.serve()
        server.call("pause_queue")
        tasks = [self.submit(server, i) for i in range(3)]
        self.assertEqual(server.call("cancel_all", notebook_path="a.ipynb")["task_ids"], tasks)
        server.call("resume_queue")
        again = server.call("replay_task", task_id=tasks[1])
        self.assertEqual((again["replay_of"], again["retries"]), (tasks[1], 1))
        self.order(server, [again["task_id"]])
        self.assertEqual(server.call("get_execution_status", task_id=tasks[1])["status"],
                         "cancelled")
        with self.assertRaises(celldeck.ToolError) as refused:
            server.call("move_task", task_id=tasks[1], position=0)
        self.assertEqual(refused.exception.code, "not_found")


if __name__ == "__main__":
    celldeck.main()
