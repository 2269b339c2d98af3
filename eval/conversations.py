"""How well follow-up questions find their articles, with and without being made to stand alone.

python -m eval.conversations            prints a Markdown table

The conversations are about the sample articles; constants of `rag.conversation` were chosen on the
dev part. A turn is found when one of its articles is among the first five.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from eval.intervals import mean_interval
from index.encoder import open_encoder
from index.ingest import index_sources
from index.types import Language
from rag.assistant import Assistant, open_assistant
from rag.conversation import leans, standalone
from rag.types import Turn

_K = 5


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A turn after the first of a conversation."""

    conversation_id: str
    split: str
    language: Language
    question: str
    reference: str
    history: tuple[Turn, ...]
    article_ids: tuple[str, ...]
    leans: bool

    @property
    def switched(self) -> bool:
        """Whether an earlier turn was in the other language."""
        return any(_arabic(turn.question) != _arabic(self.question) for turn in self.history)


def _arabic(text: str) -> bool:
    return any("\u0600" <= letter <= "\u06ff" for letter in text)


def read_follow_ups() -> Iterator[FollowUp]:
    """The bundled conversations' later turns, each with what came before."""
    lines = files("eval").joinpath("conversations.jsonl").read_text(encoding="utf-8")
    for line in lines.splitlines():
        conversation: dict[str, Any] = json.loads(line)
        history: list[Turn] = []
        for turn in conversation["turns"]:
            if history:
                yield FollowUp(
                    conversation["conversation_id"],
                    conversation["split"],
                    turn["language"],
                    turn["question"],
                    turn["standalone"],
                    tuple(history),
                    tuple(turn["article_ids"]),
                    turn["leans"],
                )
            history.append(Turn(turn["question"], turn["answer"]))


def found(assistant: Assistant, question: str, article_ids: Iterable[str]) -> bool:
    """Whether one of the articles is among the first hits."""
    wanted = set(article_ids)
    hits = assistant.search(question, k=_K)
    return any(hit.article.article_id in wanted for hit in hits)


def measure(assistant: Assistant) -> list[str]:
    """The Markdown table's lines."""
    rows = ["| part | follow-ups | n | as asked | made to stand alone | by hand |"]
    rows.append("|---|---|---|---|---|---|")
    every = list(read_follow_ups())
    kinds = {
        "leaning": [f for f in every if f.leans],
        "leaning, Arabic": [f for f in every if f.leans and f.language == "ar"],
        "leaning, English": [f for f in every if f.leans and f.language == "en"],
        "leaning, another language before": [f for f in every if f.leans and f.switched],
        "a new subject": [f for f in every if not f.leans],
    }
    for split in ("dev", "test"):
        for kind, follow_ups in kinds.items():
            chosen = [f for f in follow_ups if f.split == split]
            if chosen:
                rows.append(f"| {split} | {kind} | {len(chosen)} | " + _cells(assistant, chosen))
    return rows


def _cells(assistant: Assistant, follow_ups: list[FollowUp]) -> str:
    groups = [one.conversation_id for one in follow_ups]
    cells = []
    for texts in (
        [one.question for one in follow_ups],
        [standalone(one.question, one.history) for one in follow_ups],
        [one.reference for one in follow_ups],
    ):
        hits = [
            found(assistant, text, one.article_ids)
            for text, one in zip(texts, follow_ups, strict=True)
        ]
        share, low, high = mean_interval(hits, groups)
        cells.append(f"{share:.3f} ({low:.3f} to {high:.3f})")
    return " | ".join(cells) + " |"


def main() -> None:
    """The command."""
    with tempfile.TemporaryDirectory() as folder:
        index_sources([Path("index/sample")], Path(folder), open_encoder())
        for line in measure(open_assistant(folder)):
            print(line)
    every = list(read_follow_ups())
    told = sum(leans(one.question) == one.leans for one in every)
    print(f"\nTold apart as leaning or not: {told} of {len(every)}")


if __name__ == "__main__":
    main()
