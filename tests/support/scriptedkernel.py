#!/usr/bin/python3
"""A kernel that does as it is told, for what real ones rarely do.

    scriptedkernel.py CONNECTION_FILE [KEY=VALUE…]

answer_after=MS   each request is answered so late
mute=shell|iopub  that channel says nothing
stdin=late|never  it is bound 300 ms after the first answer, or not at all
flush=1           shut down, it ends when all that it said has left
proxy=1           iopub goes through a proxy that can cut it at a byte (see die_after_bytes)

A cell that is a JSON list is a script, and nothing is sent but what it says. Any other cell gets
busy, its reply and idle. The steps of a script, in their order:

{"busy": 1}  {"idle": 1}  {"reply": {…}}   with defaults where the content is empty
{"send": TYPE, "on": "iopub"|"shell", "content": {…}, …}
      parent    "self" (the default), "none", "before" (the cell before), else that very msg_id
      count     so many messages, each with an id of its own ("#" in a parent is the number, and
                in content.text the number in nine digits)
      copies    so many times the very same bytes
      pad       content.text is filled up to so many bytes
      buffers   so many buffers of one byte behind it
      forge     "signature" (a wrong one), "key" (another key's), "short" (frames are missing),
                "content" (changed behind the signature), "plain" (no delimiter)
{"sleep": MS}                     ends early on an interrupt, and with it the script
{"ignore_interrupts": 1}          from now on
{"input": {"prompt":…, "password":…}}   asks on stdin, waits, and prints how long the answer was;
                                  or prints "nobody" where nobody can be asked
{"child": 1}                      starts a process in the same group, and prints its id
{"die": "kill"|"segv"|EXIT_CODE}
{"die_after_bytes": N}            the kernel is killed when iopub has sent N bytes from now on
{"freeze": 1}                     stops its own process (SIGSTOP)
{"note": FILE, "text": …}         adds a line to a file
"""
import ctypes
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid

import zmq

DELIMITER = b"<IDS|MSG>"


class Proxy:
    """Between the client's iopub connection and ours; kills us at a byte."""

    def __init__(self, outer, inner):
        self.left = None
        self.inner = inner
        listener = socket.create_server(("127.0.0.1", outer))
        threading.Thread(target=self.accept, args=[listener], daemon=True).start()

    def accept(self, listener):
        while True:
            client, _ = listener.accept()
            kernel = socket.create_connection(("127.0.0.1", self.inner))
            threading.Thread(target=self.pump, args=[client, kernel, False], daemon=True).start()
            threading.Thread(target=self.pump, args=[kernel, client, True], daemon=True).start()

    def pump(self, source, target, counted):
        while data := source.recv(65536):
            if counted and self.left is not None:
                part, self.left = data[:self.left], self.left - len(data)
                target.sendall(part)
                if self.left <= 0:
                    target.shutdown(socket.SHUT_WR)
                    os.kill(os.getpid(), signal.SIGKILL)
            else:
                target.sendall(data)


class Kernel:
    def __init__(self, file, script):
        self.script = script
        with open(file) as f:
            self.connection = json.load(f)
        self.key = self.connection["key"].encode()
        self.context = zmq.Context()
        self.publishing = zmq.Context()
        self.shell = self.bind(zmq.ROUTER, self.connection["shell_port"])
        self.control = self.bind(zmq.ROUTER, self.connection["control_port"])
        self.stdin = None if "stdin" in script else self.bind_stdin()
        if script.get("proxy"):
            self.iopub = self.bind(zmq.PUB, 0, self.publishing)
            inner = int(self.iopub.last_endpoint.rsplit(b":", 1)[1])
            self.proxy = Proxy(self.connection["iopub_port"], inner)
        else:
            self.iopub = self.bind(zmq.PUB, self.connection["iopub_port"], self.publishing)
        threading.Thread(target=self.beat, daemon=True).start()
        self.sockets = {"shell": self.shell, "iopub": self.iopub}
        self.count = 0
        self.before = {}
        self.ignores = False
        self.running = False
        self.poller = zmq.Poller()
        self.poller.register(self.shell, zmq.POLLIN)
        self.poller.register(self.control, zmq.POLLIN)
        self.while_busy = zmq.Poller()
        self.while_busy.register(self.control, zmq.POLLIN)
        signal.signal(signal.SIGINT, self.interrupted)

    def bind(self, kind, port, context=None):
        bound = (context or self.context).socket(kind)
        bound.linger = 0
        bound.sndhwm = 0
        bound.bind(f"tcp://127.0.0.1:{port}" if port else "tcp://127.0.0.1:*")
        return bound

    def bind_stdin(self):
        return self.bind(zmq.ROUTER, self.connection["stdin_port"])

    def beat(self):
        echo = self.bind(zmq.REP, self.connection["hb_port"])
        while True:
            echo.send(echo.recv())

    def interrupted(self, *_):
        if self.running and not self.ignores:
            raise KeyboardInterrupt

    def frames(self, kind, parent, content, forge=None):
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": "scripted",
                  "username": "kernel", "date": "2026-01-01T00:00:00Z", "version": "5.3"}
        parts = [json.dumps(part).encode() for part in (header, parent, {}, content)]
        key = b"another key" if forge == "key" else self.key
        signature = hmac.new(key, b"".join(parts), hashlib.sha256).hexdigest().encode()
        if forge == "signature":
            signature = b"0" * len(signature)
        if forge == "content":
            parts[3] = json.dumps(dict(content, text="forged")).encode()
        if forge == "short":
            return [DELIMITER, signature, *parts[:2]]
        return [signature, *parts] if forge == "plain" else [DELIMITER, signature, *parts]

    def publish(self, kind, parent, content):
        if self.script.get("mute") != "iopub":
            self.iopub.send_multipart([kind.encode(), *self.frames(kind, parent, content)])

    def reply(self, where, identity, kind, parent, content):
        if self.script.get("mute") != "shell":
            where.send_multipart([*identity, *self.frames(kind, parent, content)])

    def parent_of(self, step, number):
        named = step.get("parent", "self")
        known = {"self": self.parent, "none": {}, "before": self.before}
        return known[named] if named in known else dict(
            self.parent, msg_id=named.replace("#", str(number)))

    def send(self, step):
        content = step.get("content", {})
        if step.get("pad"):
            content = dict(content, text="x" * step["pad"])
        start = self.identity if step.get("on") == "shell" else [step["send"].encode()]
        to = self.sockets[step.get("on", "iopub")]
        for number in range(step.get("count", 1)):
            numbered = content
            if "#" in content.get("text", ""):
                numbered = dict(content, text=content["text"].replace("#", f"{number:09}"))
            frames = self.frames(step["send"], self.parent_of(step, number), numbered,
                                 step.get("forge"))
            frames += [b"b"] * step.get("buffers", 0)
            for _ in range(step.get("copies", 1)):
                to.send_multipart([*start, *frames])

    def ask(self, request):
        if not self.allow_stdin:
            self.publish("stream", self.parent, {"name": "stdout", "text": "nobody"})
            return
        asked = self.frames("input_request", self.parent,
                            {"prompt": "", "password": False, **request})
        self.stdin.send_multipart([*self.identity, *asked])
        while not self.stdin.poll(50):
            self.nap(0)
        parts = self.stdin.recv_multipart()
        at = parts.index(DELIMITER)
        value = json.loads(parts[at + 5])["value"]
        self.publish("stream", self.parent, {"name": "stdout", "text": f"{len(value)} characters\n"})

    def nap(self, milliseconds):
        """Until the time is over; control is served meanwhile."""
        end = time.monotonic() + milliseconds / 1000
        while True:
            left = max(0, end - time.monotonic())
            for channel, _ in self.while_busy.poll(left * 1000):
                if self.handle(channel) == "interrupt_request" and not self.ignores:
                    raise KeyboardInterrupt
            if time.monotonic() >= end:
                return

    def run_step(self, step):
        if "send" in step:
            self.send(step)
        elif "busy" in step or "idle" in step:
            self.publish("status", self.parent,
                         {"execution_state": "busy" if "busy" in step else "idle"})
        elif "reply" in step:
            self.reply(self.shell, self.identity, "execute_reply", self.parent,
                       {"status": "ok", "execution_count": self.count, **step["reply"]})
        elif "note" in step:
            with open(step["note"], "a") as notes:
                notes.write(f"{step['text']}\n")
        elif "sleep" in step:
            self.nap(step["sleep"])
        elif "ignore_interrupts" in step:
            self.ignores = True
        elif "input" in step:
            self.ask(step["input"])
        elif "child" in step:
            child = subprocess.Popen(["sleep", "600"])
            self.publish("stream", self.parent, {"name": "stdout", "text": f"{child.pid}\n"})
        elif "die_after_bytes" in step:
            self.proxy.left = step["die_after_bytes"]
        elif "freeze" in step:
            os.kill(os.getpid(), signal.SIGSTOP)
        elif "die" in step:
            self.die(step["die"])
        else:
            raise ValueError(f"no such step: {step}")

    def die(self, how):
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "segv":
            ctypes.string_at(0)
        os._exit(how)

    def execute(self, code):
        self.count += 1
        script = json.loads(code) if code.lstrip().startswith("[") else [
            {"busy": 1}, {"reply": {}}, {"idle": 1}]
        self.running = True
        try:
            for step in script:
                self.run_step(step)
        except KeyboardInterrupt:
            self.running = False
            error = {"ename": "KeyboardInterrupt", "evalue": "", "traceback": []}
            self.publish("error", self.parent, error)
            self.reply(self.shell, self.identity, "execute_reply", self.parent,
                       {"status": "error", "execution_count": self.count, **error})
            self.publish("status", self.parent, {"execution_state": "idle"})
        self.running = False
        self.before = self.parent

    def handle(self, channel):
        parts = channel.recv_multipart()
        at = parts.index(DELIMITER)
        identity, parent = parts[:at], json.loads(parts[at + 2])
        kind = parent["msg_type"]
        if kind == "execute_request":
            self.identity, self.parent = identity, parent
            request = json.loads(parts[at + 5])
            self.allow_stdin = request["allow_stdin"]
            self.execute(request["code"])
            return kind
        self.publish("status", parent, {"execution_state": "busy"})
        time.sleep(int(self.script.get("answer_after", 0)) / 1000)
        self.reply(channel, identity, kind.replace("request", "reply"), parent, {"status": "ok"})
        self.publish("status", parent, {"execution_state": "idle"})
        if self.stdin is None and self.script["stdin"] == "late":
            time.sleep(0.3)
            self.stdin = self.bind_stdin()
        if kind == "shutdown_request":
            if "flush" in self.script:  # Not before all that it said has left.
                self.iopub.close(linger=-1)
                self.publishing.term()
            sys.exit()
        return kind

    def run(self):
        while True:
            for channel, _ in self.poller.poll():
                self.handle(channel)


if __name__ == "__main__":
    Kernel(sys.argv[1], dict(word.split("=", 1) for word in sys.argv[2:] if word)).run()
