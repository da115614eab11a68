"""The celldeck program, as these tests start it. Its path comes in the variable CELLDECK."""

import json
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

PROGRAM = os.environ["CELLDECK"]
SAMPLES = pathlib.Path(__file__).parent.parent / "support" / "notebooks"
SCRIPTED = pathlib.Path(__file__).parent.parent / "support" / "scriptedkernel.py"
# What is kept takes so much more memory under a sanitizer: the one for addresses puts something
# around each piece, the one for threads notes beside each byte who has used it.
MEMORY_FACTOR = {"": 1, "address,undefined": 2, "thread": 4}[os.environ.get("CELLDECK_SANITIZE", "")]
TIME_FACTOR = 4 if os.environ.get("CELLDECK_SANITIZE") else 1  # so slow is an engine there
LIMIT_S = 60  # of one command; a test that hangs is a failure

DONE, FAILED, USAGE, UNFIT, TIMED_OUT, INTERRUPTED = 0, 1, 2, 3, 4, 130


def notebook(*sources, kernel="python3", **metadata):
    """A notebook of nbformat 4.5 as a dict, one code cell a source."""
    if kernel:
        metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": "python"}
    cells = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell{number}",
            "metadata": {},
            "outputs": [],
            "source": source.splitlines(keepends=True),
        }
        for number, source in enumerate(sources)
    ]
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def text_of(outputs):
    return "".join("".join(o["text"]) for o in outputs if o["output_type"] == "stream")


TAKEN_OVER = ("[celldeck: the engine was killed here, and another one took over: what the cell "
              "printed in between is missing]\n")


def until(what, condition):
    """Until it holds; a test that waits in vain fails. What another process has written into a
    file or its exit gives no event to a Python test."""
    end = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.02)


class CelldeckTest(unittest.TestCase):
    """A folder of its own for each test: data in `data`, notebooks in `work`."""

    user = None  # whose rights the commands have; None: our own

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="celldeck-test-")).resolve()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self.end_kernels)
        self.data = self.folder / "data"
        self.work = self.folder / "work"
        self.work.mkdir()
        self.environment = dict(
            os.environ,
            CELLDECK_DATA_DIR=str(self.data),
            XDG_CONFIG_HOME=str(self.folder / "config"),
            XDG_RUNTIME_DIR=str(self.folder),
            CELLDECK_TOKEN="the-token-of-this-test",
        )

    def measure_memory(self):
        """For commands whose memory is measured: sanitizers give back what is freed, and what they
        have noted of it within a second, instead of keeping it to see who uses it still."""
        for name, more in (("ASAN_OPTIONS", "quarantine_size_mb=0:thread_local_quarantine_size_kb=0"),
                           ("TSAN_OPTIONS", "flush_memory_ms=1000")):
            self.environment[name] = ":".join(
                [os.environ.get(name, ""), more, "allocator_release_to_os_interval_ms=0"])

    def add_scripted_kernel(self, name="scripted", interrupt="signal", *does):
        """A kernelspec of support/scriptedkernel.py, whose cells say what it does."""
        spec = self.folder / "jupyter" / "kernels" / name
        spec.mkdir(parents=True)
        (spec / "kernel.json").write_text(json.dumps(
            {"argv": ["/usr/bin/python3", str(SCRIPTED), "{connection_file}", *does],
             "display_name": name, "language": "script", "interrupt_mode": interrupt}))
        self.environment["JUPYTER_PATH"] = str(self.folder / "jupyter")

    def become_nobody(self):
        """Commands of this test have a user's rights: root may write everywhere."""
        if os.getuid() == 0:
            for path in (self.folder, *self.folder.rglob("*")):
                shutil.chown(path, "nobody")
            self.user = "nobody"

    def kernels(self):
        """The processes that were started from a connection file of this test, and lead a group."""
        found = []
        for process in pathlib.Path("/proc").iterdir():
            if not process.name.isdigit():
                continue
            try:
                command = (process / "cmdline").read_bytes()
                pid = int(process.name)
                if str(self.data / "runtime" / "kernel-").encode() in command:
                    if os.getpgid(pid) == pid:
                        found.append(pid)
            except (FileNotFoundError, ProcessLookupError):
                continue  # It has just ended.
        return found

    def end_kernels(self):
        """Kernels outlive an engine that is killed: a test that kills one ends them."""
        for pid in self.kernels():
            os.killpg(pid, signal.SIGKILL)

    def write(self, name, content):
        path = self.work / name
        if isinstance(content, dict):
            content = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def read(self, path):
        return json.loads(pathlib.Path(path).read_text())

    def celldeck(self, *arguments, code=DONE, **more):
        ended = subprocess.run(
            [PROGRAM, *map(str, arguments)],
            env=dict(self.environment, **more),
            cwd=self.work,
            user=self.user,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
        self.assertEqual(ended.returncode, code, f"{arguments}\n{ended.stdout}\n{ended.stderr}")
        return ended

    def on_a_terminal(self, *arguments):
        """The exit code, and what a terminal was sent."""
        ours, theirs = pty.openpty()
        started = subprocess.Popen([PROGRAM, *map(str, arguments)], env=self.environment,
                                   cwd=self.work, stdin=subprocess.DEVNULL, stdout=theirs,
                                   stderr=theirs)
        os.close(theirs)
        shown = b""
        while True:
            try:
                chunk = os.read(ours, 4096)
            except OSError:  # how a terminal says that its other side has gone
                break
            if not chunk:
                break
            shown += chunk
        os.close(ours)
        return started.wait(timeout=LIMIT_S), shown

    def serve(self, *arguments, command=("serve",), errors=None):
        server = Server(self.environment, self.work, [*command, *arguments], errors)
        self.addCleanup(server.kill)
        return server


class ToolError(AssertionError):
    def __init__(self, tool, result):
        super().__init__(f"{tool}: {result['content'][0]['text']}")
        self.told = result["_meta"]["celldeck/error"]
        self.code = self.told["code"]


class NoAddress(AssertionError):
    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


class Server:
    """`celldeck serve` on a free port, with a client that speaks MCP over plain HTTP."""

    notifications = ()  # what came before the answers

    def __init__(self, environment, folder, arguments, errors=None):
        self.process = subprocess.Popen(
            [PROGRAM, *map(str, arguments), "--port", "0"],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        line = self.process.stdout.readline()
        found = re.search(r"listening on (http://\S+)/mcp", line)
        if not found:
            try:
                self.process.wait(timeout=1 if line == "" else 0)  # It is on its way out.
            except subprocess.TimeoutExpired:
                pass
            code = self.process.poll()
            self.kill()
            raise NoAddress(f"no address in {line!r}; its exit code: {code}", code)
        self.url = found[1]
        self.token = environment["CELLDECK_TOKEN"]
        self.session = None
        self.number = 0

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=LIMIT_S)

    def post(self, message):
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        if self.session:
            headers["Mcp-Session-Id"] = self.session
            headers["MCP-Protocol-Version"] = "2025-11-25"
        request = urllib.request.Request(
            self.url + "/mcp", json.dumps(message).encode(), headers, method="POST"
        )
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
            self.session = answer.headers.get("Mcp-Session-Id") or self.session
            body = answer.read().decode()
            if answer.headers.get_content_type() == "text/event-stream":
                lines = [line[6:] for line in body.splitlines() if line.startswith("data: {")]
                if not lines:
                    raise ConnectionError("the stream ended without the answer")
                messages = [json.loads(line) for line in lines]
                self.notifications = [*self.notifications, *messages[:-1]]
                return messages[-1]
            return json.loads(body) if body else None

    def request(self, method, **params):
        if self.session is None and method != "initialize":
            self.request(
                "initialize",
                protocolVersion="2025-11-25",
                capabilities={},
                clientInfo={"name": "test", "version": "1"},
            )
            self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        self.number += 1
        answer = self.post(
            {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        )
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def call(self, tool, **arguments):
        result = self.request("tools/call", name=tool, arguments=arguments)
        if result.get("isError"):
            raise ToolError(tool, result)
        return result["structuredContent"]


def main():
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
