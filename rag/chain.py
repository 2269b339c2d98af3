"""From a query to an answer: retrieve, select evidence, answer; as LangChain runnables."""

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from langchain_core.runnables import Runnable, RunnableLambda

from index.errors import ModelError
from index.types import Hit
from prompts import say
from rag import extractive
from rag.conversation import leans
from rag.evidence import (
    Candidate,
    Readings,
    confidence,
    ranked_sentences,
    read,
    select_evidence,
)
from rag.generate import Writer, make_prompt, rewrite
from rag.model import ChatModel, Usage
from rag.retrieve import EncodedQuery, Retriever
from rag.settings import Settings
from rag.support import SupportChecker
from rag.types import Answer, Citation, Evidence, Nearest, Query

# Chunks that evidence is looked for in, and near-duplicates seen among.
_N_HITS = 10
# Late interaction from which an article is called near the question; of unrelated ones .29 to .37.
_NEAR = 0.4


@dataclass(slots=True)
class State:
    """What the stages of one question hand on; `timings` are seconds by stage."""

    query: Query
    cancelled: threading.Event | None = None
    encoded: EncodedQuery | None = None
    hits: list[Hit] = field(default_factory=list)
    readings: Readings = field(default_factory=dict)
    confidence: float = 0.0
    evidence: list[Evidence] = field(default_factory=list)
    nearest: tuple[Nearest, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)

    def check(self) -> None:
        """Raises ModelError when the question was taken back."""
        if self.cancelled is not None and self.cancelled.is_set():
            raise ModelError("cancelled", "the question was taken back")


class AnswerChain:
    """The stages of one question on one index; safe to share between threads.

    Attributes:
        prepare: The LangChain runnable that finds hits and evidence.
        runnable: The whole chain as a LangChain runnable, a `Query` to an `Answer`.
    """

    def __init__(self, retriever: Retriever, settings: Settings) -> None:
        self._retriever = retriever
        self._settings = settings
        self._model = ChatModel(settings) if settings.llm else None
        self._checker = SupportChecker(retriever.store.encoder)
        self.prepare: Runnable[State, State] = (
            _timed("understand", self._understand)
            | _timed("retrieve", self._retrieve)
            | _timed("read", self._read)
            | _timed("evidence", self._find_evidence)
        )
        self.runnable: Runnable[Query, Answer] = RunnableLambda(self.answer)

    def answer(self, query: Query, cancelled: threading.Event | None = None) -> Answer:
        """The whole answer at once."""
        *_, last = self.events(query, cancelled)
        assert isinstance(last, Answer)
        return last

    def events(
        self, query: Query, cancelled: threading.Event | None = None
    ) -> Iterator[str | Answer]:
        """Pieces of the answer's text as they are ready, then the `Answer`."""
        state = self.prepare.invoke(State(query, cancelled))
        start = time.perf_counter()
        if self._model and state.evidence:
            yield from self._generated(self._model, state, start)
            return
        text = "\n\n".join(self._quoted(state))
        yield from _words(text)
        yield self._answer(state, start, text, state.evidence)

    def _understand(self, state: State) -> None:
        query = state.query
        if self._model and query.history and leans(query.question):
            state.query = query = rewrite(query, self._model, state.usage, state.cancelled)
        state.encoded = self._retriever.encode(query.text, query.question)

    def _retrieve(self, state: State) -> None:
        state.check()
        assert state.encoded
        state.hits = self._retriever.search(state.query, state.encoded, _N_HITS)

    def _read(self, state: State) -> None:
        state.check()
        assert state.encoded
        store = self._retriever.store
        state.readings = read(state.encoded, state.hits, store)
        state.confidence = confidence(state.encoded, state.hits, state.readings, store.snapshot())

    def _find_evidence(self, state: State) -> None:
        state.check()
        if state.confidence >= self._settings.min_confidence:
            assert state.encoded
            state.evidence = select_evidence(
                state.encoded,
                state.hits,
                state.readings,
                self._retriever.store,
                self._settings.n_evidence,
            )

    def _quoted(self, state: State) -> list[str]:
        if state.evidence:
            return extractive.answer_lines(state.query, state.evidence)
        n_articles = self._retriever.store.snapshot().n_articles(state.query.filters)
        state.nearest = self._nearest(state)
        return [extractive.refusal(state.query, n_articles, state.nearest)]

    def _generated(self, model: ChatModel, state: State, start: float) -> Iterator[str | Answer]:
        """A model's checked statements; the evidence itself where it gives none that stand."""
        query = state.query
        prompt = make_prompt(query, self._sentences(state), model)
        mark = self._settings.unsupported == "mark"
        writer = Writer(query, prompt.sentences, self._checker, mark=mark)
        said: list[str] = []
        if head := extractive.period_lines(query):
            said.append("\n\n".join(head) + "\n\n")
            yield said[0]
        n_head = len(said)
        problem = ""
        try:
            for piece in model.stream(prompt.messages, state.usage, state.cancelled):
                for shown in writer.take(piece):
                    said.append(shown)
                    yield shown
            for shown in writer.finish():
                said.append(shown)
                yield shown
        except ModelError as error:
            if error.kind == "cancelled":
                raise
            problem = error.kind
        if writer.declined and not problem:
            state.evidence = []
            text = self._quoted(state)[0]  # begins with the head
            yield from _words(text[len("".join(said)) :])
            yield self._answer(state, start, text, [], engine=model.name)
            return
        evidence, note = list(writer.evidence), ""
        if problem or not evidence:
            note = say("answer", query.language, f"fallback_{problem or 'unsupported'}")
            rest = _continued(state.evidence, evidence)
            lines = [note, *extractive.quote_lines(query, rest)] if rest else [note]
            more = ("\n\n" if len(said) > n_head else "") + "\n\n".join(lines)
            for shown in _words(more):
                said.append(shown)
                yield shown
            evidence += rest
        engine = model.name if writer.evidence else extractive.NAME
        state.usage.n_failed = writer.n_failed
        yield self._answer(state, start, "".join(said), evidence, engine=engine, note=note)

    def _sentences(self, state: State) -> list[Candidate]:
        assert state.encoded
        return ranked_sentences(state.encoded, state.hits, state.readings, self._retriever.store)

    def _nearest(self, state: State) -> tuple[Nearest, ...]:
        """Articles near the question; of any time, where only a period was searched."""
        hits = state.hits
        if state.query.period and state.query.period.strict and state.encoded:
            of_any_time = replace(state.query, filters=state.query.chosen)
            hits = self._retriever.search(of_any_time, state.encoded, _N_HITS)
        near = [hit for hit in hits if hit.scores["late_interaction"] >= _NEAR]
        return extractive.nearest_articles(near)

    def _answer(
        self,
        state: State,
        start: float,
        text: str,
        evidence: Sequence[Evidence],
        *,
        engine: str = extractive.NAME,
        note: str = "",
    ) -> Answer:
        state.timings["answer"] = time.perf_counter() - start
        return Answer(
            question=state.query.question,
            language=state.query.language,
            text=text,
            citations=tuple(_citation(one) for one in evidence),
            evidence=tuple(evidence),
            refused=not evidence,
            confidence=state.confidence,
            engine=engine,
            timings=state.timings,
            standalone=state.query.text,
            note=note,
            nearest=() if evidence else state.nearest,
            usage=state.usage.as_dict() if self._model else {},
        )


def _timed(stage: str, run: Callable[[State], None]) -> Runnable[State, State]:
    def timed(state: State) -> State:
        start = time.perf_counter()
        run(state)
        state.timings[stage] = time.perf_counter() - start
        return state

    return RunnableLambda(timed).with_config(run_name=stage)


def _words(text: str) -> list[str]:
    return re.findall(r"\S+\s*|\s+", text)


def _continued(evidence: Sequence[Evidence], cited: Sequence[Evidence]) -> list[Evidence]:
    """The evidence that is not cited yet, its markers following on."""
    known = {(one.hit.chunk.article_id, one.start) for one in cited}
    left = [one for one in evidence if (one.hit.chunk.article_id, one.start) not in known]
    return [replace(one, marker=len(cited) + n) for n, one in enumerate(left, 1)]


def _citation(evidence: Evidence) -> Citation:
    article = evidence.hit.article
    return Citation(
        marker=evidence.marker,
        article_id=article.article_id,
        chunk_id=evidence.hit.chunk.chunk_id,
        title=article.title,
        source=article.source,
        url=article.url,
        published=article.published,
        language=article.language,
        quote=evidence.quote,
        start=evidence.start,
        end=evidence.end,
    )
