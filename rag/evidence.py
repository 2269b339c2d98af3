"""The sentences inside the best chunks that answer the question, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.normalize import search_terms
from index.sentences import split_sentences
from index.store import Store
from index.types import Hit
from rag.retrieve import EncodedQuery
from rag.types import Evidence

# Only chunks close to the best one can hold more of the answer; in standard deviations.
_CLOSE = 1.5
_LEXICAL_WEIGHT = 0.15
# Logistic fit of "the articles hold the answer" on the best hit's score; see eval/retrieval.py.
_CONFIDENCE_MIDPOINT = 3.0
_CONFIDENCE_SLOPE = 1.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that might be evidence."""

    hit: Hit
    start: int
    end: int
    score: float


def confidence(hits: Sequence[Hit]) -> float:
    """Probability that the best hit answers the question, 0 without hits."""
    if not hits:
        return 0.0
    return float(1 / (1 + np.exp(-_CONFIDENCE_SLOPE * (hits[0].score - _CONFIDENCE_MIDPOINT))))


def select_evidence(
    query: EncodedQuery, hits: Sequence[Hit], store: Store, n: int
) -> list[Evidence]:
    """The `n` best sentences of the hits closest to the best, one a chunk, best hit first."""
    close = [hit for hit in hits if hits[0].score - hit.score <= _CLOSE][:n]
    best = [max(score_sentences(query, hit, store), key=lambda c: c.score) for hit in close]
    return [
        Evidence(
            marker=marker,
            hit=c.hit,
            start=c.start,
            end=c.end,
            quote=c.hit.article.text[c.start : c.end],
            score=c.score,
        )
        for marker, c in enumerate(best, 1)
    ]


def score_sentences(query: EncodedQuery, hit: Hit, store: Store) -> list[Candidate]:
    """Every sentence of a hit's chunk, scored by late interaction and shared terms."""
    chunk = hit.chunk
    spans = split_sentences(chunk.text, chunk.language) or [(0, len(chunk.text))]
    token_spans = store.encoder.token_spans(chunk.text)
    _, block = store.snapshot().token_vectors([int(hit.scores["row"])])
    similarities = query.tokens @ block.vectors.T
    token_spans = token_spans[: similarities.shape[1]]
    wanted = set(query.terms)
    scored = []
    for start, end in spans:
        inside = np.flatnonzero((token_spans[:, 1] > start) & (token_spans[:, 0] < end))
        late = similarities[:, inside].max(axis=1).mean() if len(inside) else 0.0
        shared = len(wanted & set(search_terms(chunk.text[start:end]))) / max(1, len(wanted))
        score = float(np.clip(late + _LEXICAL_WEIGHT * shared, 0, 1))
        scored.append(Candidate(hit, chunk.start + start, chunk.start + end, score))
    return scored
