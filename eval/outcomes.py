"""Everything that is asked in a run, kept line by line, so that a stopped run goes on."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.baselines import (
    BM25,
    AlwaysRefuse,
    Engine,
    HitRanker,
    NaiveDense,
    Random,
    Ranker,
    always_answer,
)
from eval.dataset import Case, Dataset
from eval.judge import Judge
from index.errors import RagError, SourceError
from index.normalize import detect_language
from index.types import LANGUAGES, Article, Filters, Language
from rag.assistant import Assistant
from rag.extractive import shown_name, shown_quote
from rag.types import Answer

Outcome = dict[str, Any]

OURS, ORACLE = "burhan", "oracle retrieval"
TRACKS = ("retrieval", "evidence", "answers", "citations", "refusal", "latency")
_STEPS = ("rank", "evidence", "ask", "judge")
# Verdicts that a judge may fail to give in a row before it is taken for dead.
_PATIENCE = 5
_MARKER = re.compile(r"\[(\d{1,3})\]")


@dataclass(frozen=True, slots=True)
class Task:
    """One question to one system: `step` is "rank", "evidence", "ask" or "judge"."""

    step: str
    system: str
    case: Case

    @property
    def key(self) -> tuple[str, str, str]:
        return self.step, self.system, self.case.case_id


@dataclass
class Systems:
    """What is measured, by name; ours is first. `judge` reads our answers."""

    rankers: dict[str, Ranker] = field(default_factory=dict)
    engines: dict[str, Engine] = field(default_factory=dict)
    evidence: Engine | None = None
    judge: Judge | None = None


def make_systems(
    assistant: Assistant,
    engine: Engine,
    tracks: Sequence[str],
    articles: Mapping[str, Article],
    *,
    baselines: bool,
    judge: Judge | None = None,
) -> Systems:
    """Ours, and what it is held against."""
    systems = Systems(
        rankers={OURS: HitRanker(assistant.search)},
        engines={OURS: engine},
        evidence=always_answer(assistant),
        judge=judge,
    )
    if baselines:
        if "retrieval" in tracks:
            stored = list(articles.values())
            systems.rankers |= {
                "bm25": BM25(stored),
                "dense": NaiveDense(stored, assistant.store.encoder),
                "random": Random(stored),
            }
        systems.engines |= {
            "always answer": always_answer(assistant),
            "always refuse": AlwaysRefuse(),
            # Given the right articles: what is left to gain by searching better.
            ORACLE: engine,
        }
    return systems


def plan(dataset: Dataset, systems: Systems, tracks: Sequence[str]) -> list[Task]:
    """Everything to be asked for these tracks."""
    asked = [track for track in tracks if track not in ("retrieval", "evidence")]
    tasks = []
    for case in dataset.cases:
        if "retrieval" in tracks and case.answerable:
            tasks += [Task("rank", name, case) for name in systems.rankers]
        if "evidence" in tracks and case.evidence:
            tasks.append(Task("evidence", OURS, case))
        if asked:
            tasks += [Task("ask", name, case) for name in systems.engines]
        if "answers" in tracks and systems.judge and case.answers:
            tasks.append(Task("judge", OURS, case))
    # One system after the other, so that its timings are its own; a judge reads what was answered.
    names = [*systems.rankers, *systems.engines]
    return sorted(tasks, key=lambda task: (_STEPS.index(task.step), names.index(task.system)))


def collect(
    tasks: Sequence[Task],
    systems: Systems,
    articles: Mapping[str, Article],
    path: Path,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Outcome]:
    """The outcomes of all tasks; those that `path` has already are not asked again."""
    # A verdict that a judge could not give is asked for again.
    known = {
        (o["step"], o["system"], o["case"]): o
        for o in read_outcomes(path)
        if o.get("right", True) is not None
    }
    silent = 0
    with path.open("a", encoding="utf-8") as file:
        for number, task in enumerate(tasks, 1):
            if task.key not in known:
                outcome = _run(task, systems, articles, known)
                silent = silent + 1 if outcome.get("right", True) is None else 0
                if silent == _PATIENCE:
                    raise SourceError(
                        f"the judge gave no verdict {silent} times in a row ({outcome['why']}); "
                        "what was done is kept: mend it and give the same command again"
                    )
                file.write(json.dumps(outcome, ensure_ascii=False) + "\n")
                file.flush()
                known[task.key] = outcome
            on_progress(number, len(tasks))
    return [known[task.key] for task in tasks]


def read_outcomes(path: Path) -> Iterator[Outcome]:
    """What a run has so far; a last line that was cut off is taken out of the file."""
    if not path.exists():
        return
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) != len(data):
        path.write_bytes(whole)
    for number, line in enumerate(whole.decode("utf-8").split("\n")[:-1], 1):
        try:
            yield json.loads(line)
        except json.JSONDecodeError as error:
            raise SourceError(f"{path}:{number}: is not JSON ({error}); remove it") from error


def _run(
    task: Task,
    systems: Systems,
    articles: Mapping[str, Article],
    known: Mapping[tuple[str, str, str], Outcome],
) -> Outcome:
    case = task.case
    outcome: Outcome = {"step": task.step, "system": task.system, "case": case.case_id}
    try:
        if task.step == "rank":
            ranker = systems.rankers[task.system]
            pools: dict[str, tuple[Language, ...]] = {
                "mixed": LANGUAGES,
                "ar": ("ar",),
                "en": ("en",),
            }
            outcome["ranked"] = {
                name: ranker.rank(case.question, languages) for name, languages in pools.items()
            }
        elif task.step == "evidence":
            assert systems.evidence is not None
            outcome["quotes"] = _evidence(case, systems.evidence, articles)
        elif task.step == "judge":
            assert systems.judge is not None
            asked = known["ask", task.system, case.case_id]
            outcome |= (
                {"right": False, "why": "refused"}
                if asked["refused"]
                else systems.judge.verdict(case, asked["text"])
            )
        else:
            golds = case.article_ids if task.system == ORACLE else ()
            filters = Filters(article_ids=golds) if golds else None
            began = time.perf_counter()
            answer = _asked(systems.engines[task.system], case, filters)
            outcome["seconds"] = time.perf_counter() - began
            outcome |= _told(answer, articles)
    except ValueError as error:
        raise SourceError(f"{case.case_id}: {error}; correct the question") from error
    return outcome


def _asked(engine: Engine, case: Case, filters: Filters | None) -> Answer:
    try:
        answer = engine.ask(case.question, filters=filters)
    except (RagError, ValueError):
        raise
    except Exception as error:  # an evaluator's own engine may raise anything
        why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise SourceError(
            f"the engine failed on {case.case_id} ({why}); what was done is kept: mend it and "
            "give the same command again"
        ) from error
    if not isinstance(answer, Answer):
        raise SourceError(
            f"the engine gave a {type(answer).__name__} for {case.case_id}; a rag.Answer is wanted"
        )
    return answer


def _evidence(
    case: Case, engine: Engine, articles: Mapping[str, Article]
) -> dict[str, list[dict[str, str]]]:
    """The quotes chosen out of the gold articles of each language."""
    quotes: dict[str, list[dict[str, str]]] = {}
    for language in LANGUAGES:
        golds = {g.article_id for g in case.evidence if articles[g.article_id].language == language}
        if golds:
            answer = engine.ask(case.question, filters=Filters(article_ids=tuple(sorted(golds))))
            quotes[language] = [
                {"article_id": c.article_id, "quote": c.quote} for c in answer.citations
            ]
    return quotes


def _told(answer: Answer, articles: Mapping[str, Article]) -> Outcome:
    citations = [
        {
            "article_id": c.article_id,
            "quote": c.quote,
            "verbatim": c.article_id in articles
            and articles[c.article_id].text[c.start : c.end] == c.quote,
        }
        for c in answer.citations
    ]
    own = own_words(answer)
    markers = {int(number) for number in _MARKER.findall(own)}
    return {
        "text": answer.text,
        "refused": answer.refused,
        "confidence": answer.confidence,
        # None where the answer is nothing but quotes and names.
        "language": detect_language(own) if re.search(r"[^\W\d_]", own) else None,
        "citations": citations,
        "dangling": len(markers - {c.marker for c in answer.citations}),
    }


def own_words(answer: Answer) -> str:
    """What the answer says around its quotes and the names of what it cites."""
    text = answer.text
    quotes = [shown_quote(citation.quote) for citation in answer.citations]
    names = [shown_name(name) for c in answer.citations for name in (c.title, c.source)]
    names += [shown_name(name) for one in answer.nearest for name in (one.title, one.source)]
    names += [shown_name(name) for one in answer.evidence for name in one.hit.also_reported_by]
    # Quotes first: a name may stand inside one.
    for words in filter(None, quotes + names):
        text = re.sub(rf"(?<!\w){re.escape(words)}(?!\w)", " ", text)
    return text
