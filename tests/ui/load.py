"""Many users at once: errors, waiting times and memory of a running chat.

python -m tests.ui.load http://127.0.0.1:7860 --users 30 --seconds 180 --pid PID
"""

import argparse
import json
import random
import threading
import time
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from tests.ui.serving import Visitor

# How long a reader reads before asking again, in seconds.
_READING = (1, 5)
_RAMP_SECONDS = 3


@dataclass
class Load:
    """What happened: seconds to the first words and to the end, and memory in MB over time."""

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def __str__(self):
        told = [f"{len(self.whole)} questions, {len(self.errors)} errors"]
        for name, seconds in (("first words", self.first), ("whole answer", self.whole)):
            shares = ", ".join(f"p{p} {percentile(seconds, p):.2f} s" for p in (50, 95, 99))
            told.append(f"{name}: {shares}")
        if self.memory:
            quarters = self.memory[:: max(1, len(self.memory) // 4)]
            told.append(f"memory: {' '.join(f'{mb:.0f}' for mb in quarters)} MB")
        return "\n".join(told)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, len(values) * share // 100)] if values else 0.0


def measure(url, *, users, seconds, pid=None):
    """Lets that many users ask sample questions in both languages for that long."""
    load, end = Load(), time.monotonic() + seconds
    lines = files("eval").joinpath("sample_questions.jsonl").read_text("utf-8").splitlines()
    questions = [q for line in lines for q in json.loads(line)["question"].values()]
    threads = [
        threading.Thread(target=_user, args=(url, questions, end, load, number))
        for number in range(users)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if pid:
            load.memory.append(resident(pid))
        time.sleep(0.5)
    return load


def resident(pid):
    """Memory of a process, MB."""
    (line,) = (
        line
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmRSS")
    )
    return int(line.split()[1]) / 1024


def _user(url, questions, end, load, number):
    chance = random.Random(number)
    time.sleep(chance.uniform(0, _RAMP_SECONDS))
    visitor, history = Visitor(url), []
    while time.monotonic() < end:
        question = chance.choice(questions)
        try:
            answer = _ask(visitor, question, history[-6:], load)
            # What comes back must be the answer to this user's own question.
            if answer["question"] != question:
                load.errors.append(f"{question!r} was answered as {answer['question']!r}")
            history.append([question, answer["text"]])
        except Exception as error:
            load.errors.append(repr(error))
        time.sleep(chance.uniform(*_READING))


def _ask(visitor, question, history, load):
    start = time.monotonic()
    visitor.join("ask", {"question": question, "history": history})
    first = None
    for message in visitor.messages():
        if message["msg"] == "process_generating" and first is None:
            first = time.monotonic() - start
        if message["msg"] == "process_completed":
            load.first.append(first or time.monotonic() - start)
            load.whole.append(time.monotonic() - start)
            (value, *_) = message["output"]["data"]
            if "answer" not in value:
                raise AssertionError(f"no answer but {value}")
            return value["answer"]
    raise AssertionError("the queue fell silent")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--users", type=int, default=30)
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--pid", type=int)
    given = parser.parse_args()
    print(measure(given.url, users=given.users, seconds=given.seconds, pid=given.pid))  # noqa: T201
