"""The chat served by a thread of this process, and what asks it without a browser."""

import json
import re
import socket
import threading
import time
from contextlib import contextmanager
from uuid import uuid4

import httpx
import uvicorn

from rag.types import Answer


@contextmanager
def running(app):
    """Address of the application while it runs."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(20)
    listening.close()


class Visitor:
    """Somebody at the page, but for the page."""

    def __init__(self, url, **options):
        self.http = httpx.Client(base_url=url, timeout=60, trust_env=False, **options)
        page = self.http.get("/").text
        self.boot = json.loads(re.search(r'id="boot">(.*?)</script>', page, re.S)[1])
        self.session = uuid4().hex

    def join(self, endpoint, payload):
        """Queues a call; gives its number in the queue's own words."""
        body = {"data": [payload], "fn_index": self.boot["endpoints"][endpoint]}
        sent = self.http.post(
            "/gradio/gradio_api/queue/join", json={**body, "session_hash": self.session}
        )
        sent.raise_for_status()
        return sent.json()["event_id"]

    def messages(self):
        """What the queue says to this visitor, until it has no more to say."""
        with self.http.stream(
            "GET", "/gradio/gradio_api/queue/data", params={"session_hash": self.session}
        ) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line[5:])

    def run(self, endpoint, payload):
        """The last value of a call."""
        self.join(endpoint, payload)
        for message in self.messages():
            if message["msg"] == "process_completed":
                assert message["success"], message
                return message["output"]["data"][0]
        raise AssertionError("the queue fell silent")

    def ask(self, question, **more):
        return self.run("ask", {"question": question, **more})

    def cancel(self, event_id):
        body = {"session_hash": self.session, "fn_index": 0, "event_id": event_id}
        self.http.post("/gradio/gradio_api/cancel", json=body)


class Scripted:
    """An assistant that says one sentence each time it is let, as a slow model would."""

    def __init__(self, like, sentences=("One. ", "Two. ", "Three.")):
        self.store, self.settings = like.store, like.settings
        self.sentences = sentences
        self.let = threading.Semaphore(0)
        self.histories = {}
        self.closed = threading.Event()

    def stream(self, question, language=None, history=(), filters=None):
        self.histories[question] = [(turn.question, turn.answer) for turn in history]
        slow = question.startswith("slow")
        try:
            for sentence in self.sentences:
                if slow:
                    self.let.acquire()
                yield f"{question}: {sentence}"
        finally:
            self.closed.set()
        text = "".join(f"{question}: {sentence}" for sentence in self.sentences)
        yield Answer(question, "en", text, (), (), False, 0.9, "scripted")
