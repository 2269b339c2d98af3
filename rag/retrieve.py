"""From a question to ranked chunks of both languages.

Each language is searched on its own, densely and lexically, and its candidates are ranked by late
interaction (MaxSim; Khattab and Zaharia, "ColBERT", 2020). A language's scores mean nothing beside
another's until they are calibrated: each is expressed in standard deviations above what unrelated
chunks of its own language score for the same question. Only then are the languages merged.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from index import codes
from index.catalogue import Ids
from index.centres import centre_tokens, centre_vector
from index.encoder import Floats
from index.normalize import detect_language, search_terms
from index.store import Snapshot, Store
from index.types import LANGUAGES, Hit, Language
from rag.query import make_query
from rag.types import Query

# What lexical and dense agreement add to a late-interaction score in standard deviations.
# Chosen on ARCD and NTREX; see eval/retrieval.py.
LEXICAL_WEIGHT = 1.0
DENSE_WEIGHT = 0.25


@dataclass(frozen=True, slots=True)
class EncodedQuery:
    """A query's centred vector (dimension,), rotated token vectors (n, dimension) and terms."""

    vector: Floats
    tokens: Floats
    terms: list[str]


class Retriever(BaseRetriever):
    """The hybrid retriever, for LangChain's chains; `search` gives Burhan's own records."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    store: Store
    n_candidates: int = 50
    k: int = 10
    max_question_chars: int = 2_000

    def search(self, query: Query, k: int) -> list[Hit]:
        """The `k` best chunks, best first; near-duplicate articles count once."""
        snapshot = self.store.snapshot()
        encoded = self.encode(query.text)
        allowed = snapshot.matching_rows(query.filters) if query.filters else None
        found: dict[int, dict[str, float]] = {}
        lexical = dict(snapshot.search_lexical(encoded.terms, 2 * self.n_candidates, allowed))
        for language in LANGUAGES:
            found |= self._search_language(snapshot, language, encoded, lexical, allowed)
        rows = sorted(found, key=lambda row: (-found[row]["score"], row))
        return _hits(snapshot, rows, found, k)

    def encode(self, text: str) -> EncodedQuery:
        """The question encoded, its language's mean removed."""
        encoder = self.store.encoder
        language = detect_language(text)
        (encoded,) = encoder.encode([text], "query")
        return EncodedQuery(
            vector=centre_vector(encoded.vector, encoder, "query", language),
            tokens=codes.rotate(centre_tokens(encoded.tokens, encoder, "query", language)),
            terms=search_terms(text),
        )

    def _search_language(
        self,
        snapshot: Snapshot,
        language: Language,
        query: EncodedQuery,
        lexical: dict[int, float],
        allowed: Ids | None,
    ) -> dict[int, dict[str, float]]:
        """Scores of one language's candidates by chunk row; "score" compares across languages."""
        if not snapshot.n_chunks(language):
            return {}
        dense = dict(snapshot.search_dense(language, query.vector, self.n_candidates, allowed))
        partition = set(snapshot.generation.rows[language].tolist())
        candidates = sorted(dense.keys() | (lexical.keys() & partition))
        tokens = snapshot.token_vectors(candidates)
        candidates = [row for row in candidates if row in tokens]
        late = max_sim(query.tokens, [tokens[row] for row in candidates])
        background = max_sim(query.tokens, snapshot.background(language))
        calibrated = (late - background.mean()) / max(float(background.std()), 1e-6)
        mean, deviation = snapshot.dense_moments(language, query.vector)
        floor = min(dense.values(), default=mean)
        dense_z = np.array([(dense.get(row, floor) - mean) / deviation for row in candidates])
        best = max((lexical.get(row, 0.0) for row in candidates), default=0.0) or 1.0
        lexical_share = np.array([lexical.get(row, 0.0) / best for row in candidates])
        fused = calibrated + DENSE_WEIGHT * dense_z + LEXICAL_WEIGHT * lexical_share
        # Fusion orders a language's chunks; the calibrated values, dealt out in that order, are
        # what other languages are compared with, so that shared words are no home advantage.
        score = np.empty_like(calibrated)
        score[np.argsort(-fused, kind="stable")] = -np.sort(-calibrated)
        return {
            row: {
                "score": float(score[i]),
                "late_interaction": float(late[i]),
                "calibrated": float(calibrated[i]),
                "dense": float(dense.get(row, 0.0)),
                "lexical": float(lexical.get(row, 0.0)),
            }
            for i, row in enumerate(candidates)
        }

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        made = make_query(query, max_chars=self.max_question_chars)
        return [as_document(hit) for hit in self.search(made, self.k)]


def max_sim(query: Floats, passages: Sequence[Floats]) -> Floats:
    """Mean over the query's tokens of the best passage token, (n_passages,).

    Args:
        query: Unit token vectors, (n_query_tokens, dimension).
        passages: Unit token vectors of each passage, (n_tokens, dimension).
    """
    if not passages:
        return np.zeros(0, np.float32)
    lengths = [len(passage) for passage in passages]
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    similarities = query @ np.concatenate(passages).T
    return np.asarray(np.maximum.reduceat(similarities, starts, axis=1).mean(axis=0), np.float32)


def as_document(hit: Hit) -> Document:
    """A hit as LangChain passes it around; `metadata` says where the text stands."""
    chunk, article = hit.chunk, hit.article
    return Document(
        id=chunk.chunk_id,
        page_content=chunk.text,
        metadata={
            "article_id": article.article_id,
            "title": article.title,
            "source": article.source,
            "url": article.url,
            "published": article.published,
            "language": article.language,
            "start": chunk.start,
            "end": chunk.end,
            "score": hit.score,
        },
    )


def _hits(
    snapshot: Snapshot, rows: Sequence[int], scores: dict[int, dict[str, float]], k: int
) -> list[Hit]:
    """The first `k` rows as hits; of a story told by several articles only the best one's."""
    chunks = snapshot.chunks(rows)
    leader: dict[str, str] = {}
    others: dict[str, dict[str, None]] = {}
    kept: list[int] = []
    for row in rows:
        if row not in chunks:
            continue
        article = chunks[row][1]
        if leader.setdefault(article.story_id, article.article_id) != article.article_id:
            others.setdefault(article.story_id, {})[article.source or article.title] = None
        elif len(kept) < k:
            kept.append(row)
    return [
        Hit(
            chunk=chunks[row][0],
            article=chunks[row][1],
            score=scores[row]["score"],
            rank=rank,
            scores=scores[row],
            also_reported_by=tuple(others.get(chunks[row][1].story_id, ())),
        )
        for rank, row in enumerate(kept, 1)
    ]
