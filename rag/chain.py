"""The chain from a query to an answer, as LangChain runnables."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from langchain_core.runnables import Runnable, RunnableLambda

from index.store import Store
from index.types import Hit
from rag import extractive
from rag.evidence import confidence, select_evidence
from rag.retrieve import EncodedQuery, Retriever
from rag.settings import Settings
from rag.types import Answer, Citation, Evidence, Query

# Chunks that evidence is looked for in, and near-duplicates seen among.
_N_HITS = 10


@dataclass(slots=True)
class State:
    """What the stages of one question hand on; `timings` are seconds by stage."""

    query: Query
    encoded: EncodedQuery
    hits: list[Hit] = field(default_factory=list)
    confidence: float = 0.0
    evidence: list[Evidence] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)


def build_chain(retriever: Retriever, settings: Settings) -> Runnable[Query, Answer]:
    """retrieve, select evidence, answer: a `Query` in, an `Answer` out."""

    def retrieve(state: State) -> State:
        state.hits = retriever.search(state.query, state.encoded, _N_HITS)
        state.confidence = confidence(state.encoded, state.hits, retriever.store.snapshot())
        return state

    def find_evidence(state: State) -> State:
        if state.confidence >= settings.min_confidence:
            state.evidence = select_evidence(
                state.encoded, state.hits, retriever.store, settings.n_evidence
            )
        return state

    def answer(state: State) -> Answer:
        return _answer(state, retriever.store)

    def start(query: Query) -> State:
        return State(query, retriever.encode(query.text))

    return (
        RunnableLambda(start)
        | _timed("retrieve", retrieve)
        | _timed("evidence", find_evidence)
        | _timed("answer", answer)
    )


def _timed(stage: str, run: Callable[[State], Any]) -> Runnable[State, Any]:
    def timed(state: State) -> Any:
        start = time.perf_counter()
        result = run(state)
        state.timings[stage] = time.perf_counter() - start
        return result

    return RunnableLambda(timed).with_config(run_name=stage)


def _answer(state: State, store: Store) -> Answer:
    query = state.query
    if state.evidence:
        text = "\n\n".join(extractive.answer_lines(query, state.evidence))
    else:
        text = extractive.refusal(query, store.snapshot().n_articles(query.filters))
    return Answer(
        question=query.question,
        language=query.language,
        text=text,
        citations=tuple(_citation(evidence) for evidence in state.evidence),
        evidence=tuple(state.evidence),
        refused=not state.evidence,
        confidence=state.confidence,
        engine=extractive.NAME,
        timings=state.timings,
    )


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
