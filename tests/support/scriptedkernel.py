#!/usr/bin/python3
"""A kernel that does as it is told, for what real ones rarely do.

    scriptedkernel.py CONNECTION_FILE [KEY=VALUE…]

answer_after=MS   each request is answered so late
mute=shell|iopub  that channel says nothing
"""
import hashlib
import hmac
import json
import sys
import time
import uuid

import zmq

DELIMITER = b"<IDS|MSG>"


class Kernel:
    def __init__(self, file, script):
        self.script = script
        with open(file) as f:
            self.connection = json.load(f)
        self.key = self.connection["key"].encode()
        context = zmq.Context()
        self.shell = self.bind(context, zmq.ROUTER, "shell_port")
        self.control = self.bind(context, zmq.ROUTER, "control_port")
        self.iopub = self.bind(context, zmq.PUB, "iopub_port")

    def bind(self, context, kind, port):
        socket = context.socket(kind)
        socket.linger = 0
        socket.bind(f"tcp://127.0.0.1:{self.connection[port]}")
        return socket

    def frames(self, kind, parent, content):
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": "scripted",
                  "username": "kernel", "date": "2026-01-01T00:00:00Z", "version": "5.3"}
        parts = [json.dumps(part).encode() for part in (header, parent, {}, content)]
        signature = hmac.new(self.key, b"".join(parts), hashlib.sha256).hexdigest().encode()
        return [DELIMITER, signature, *parts]

    def publish(self, kind, parent, content):
        if self.script.get("mute") != "iopub":
            self.iopub.send_multipart([kind.encode(), *self.frames(kind, parent, content)])

    def reply(self, socket, identity, kind, parent, content):
        if self.script.get("mute") != "shell":
            socket.send_multipart([*identity, *self.frames(kind, parent, content)])

    def handle(self, socket):
        parts = socket.recv_multipart()
        at = parts.index(DELIMITER)
        identity, parent = parts[:at], json.loads(parts[at + 2])
        kind = parent["msg_type"]
        self.publish("status", parent, {"execution_state": "busy"})
        time.sleep(int(self.script.get("answer_after", 0)) / 1000)
        content = {"status": "ok"}
        if kind == "execute_request":
            content["execution_count"] = 1
        self.reply(socket, identity, kind.replace("request", "reply"), parent, content)
        self.publish("status", parent, {"execution_state": "idle"})
        return kind != "shutdown_request"

    def run(self):
        poller = zmq.Poller()
        poller.register(self.shell, zmq.POLLIN)
        poller.register(self.control, zmq.POLLIN)
        while True:
            for socket, _ in poller.poll():
                if not self.handle(socket):
                    return


if __name__ == "__main__":
    Kernel(sys.argv[1], dict(word.split("=", 1) for word in sys.argv[2:])).run()
