"""A real OpenAI-compatible server on loopback that says what a test tells it to."""

import json
import re
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Reply:
    """One reply: text in pieces, and what goes wrong with it."""

    def __init__(self, text="", *, status=200, headers=(), hang=0.0, pause=0.0, cut=False,
                 raw=None, finish="stop", usage=(0, 0)):  # fmt: skip
        self.text, self.status, self.headers = text, status, dict(headers)
        self.hang, self.pause, self.cut = hang, pause, cut
        self.raw, self.finish, self.usage = raw, finish, usage


class Server(ThreadingHTTPServer):
    """`script` holds replies, or functions of the request's messages; the last one repeats."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script, self.seen, self.broken_off, self.keys = [Reply("?")], [], 0, []
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}/v1"

    def next_reply(self, body):
        self.seen.append(body)
        step = self.script[min(len(self.seen), len(self.script)) - 1]
        made = step(body["messages"]) if callable(step) else step
        return Reply(made) if isinstance(made, str) else made

    def handle_error(self, request, client_address):
        self.broken_off += 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.keys.append(self.headers["Authorization"])
        reply = self.server.next_reply(body)
        if reply.hang:
            self.server.released.wait(reply.hang)
        if reply.status != 200 or reply.raw is not None:
            data = (reply.raw or '{"error": {"message": "scripted"}}').encode()
            self._begin(reply, {"Content-Length": len(data), "Content-Type": "application/json"})
            self.wfile.write(data)
            return
        self._begin(reply, {"Content-Type": "text/event-stream", "Connection": "close"})
        pieces = re.findall(r"\S+\s*|\s+", reply.text)
        for piece in pieces[: len(pieces) // 2] if reply.cut else pieces:
            self._send({"delta": {"role": "assistant", "content": piece}, "finish_reason": None})
            time.sleep(reply.pause)
        self.close_connection = True
        if reply.cut:
            return
        self._send({"delta": {}, "finish_reason": reply.finish})
        if any(reply.usage):
            self._send(None, usage=reply.usage)
        self.wfile.write(b"data: [DONE]\n\n")

    def _begin(self, reply, headers):
        self.send_response(reply.status)
        for name, value in (headers | reply.headers).items():
            self.send_header(name, str(value))
        self.end_headers()

    def _send(self, choice, usage=None):
        event = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "scripted"}
        event["choices"] = [{"index": 0, **choice}] if choice else []
        if usage:
            event["usage"] = {
                "prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)
            }  # fmt: skip
        self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *_):
        pass


@contextmanager
def scripted_server():
    """A running server."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def numbered(messages):
    """The sentences that the model was given, by number."""
    return {
        int(n): text for n, text in re.findall(r"^\[(\d+)\] (.+)$", messages[-1]["content"], re.M)
    }


def number_of(messages, words):
    """The number of the first sentence that has those words."""
    return next(n for n, text in numbered(messages).items() if words in text)
