"""From a question to ranked chunks of both languages.

Each language is searched on its own, densely and lexically, and its candidates are ranked by late
interaction (MaxSim; Khattab and Zaharia, "ColBERT", 2020). A language's scores mean nothing beside
another's until they are calibrated: each is expressed in standard deviations above what unrelated
chunks of its own language score for the same question. Only then are the languages merged.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from index import codes
from index.catalogue import Ids
from index.encoder import Floats
from index.names import name_terms
from index.normalize import detect_language, search_terms
from index.statistics import centre_tokens, centre_vector
from index.store import Snapshot, Store
from index.types import LANGUAGES, Hit, Language
from rag.query import make_query
from rag.question import AnswerType, answer_type
from rag.types import Query

# A chunk's score: its calibrated late interaction, in standard deviations, and what these add.
# Coverage is 0 to 1. Shared words come easily at home, so a language gets them at a discount.
# A listwise logistic fit on ARCD, SQuAD, NTREX and the sample articles, but for the last. There the
# fit wants -1.25, which finds 10 in 100 more answers that are only in the other language first, and
# 4 in 100 fewer of those at home. See eval/retrieval.py.
_LEXICAL = 1.25
_NAMES_ABROAD = 1.8
_AT_HOME = -0.85
# How far the chunk that shares most words with the question rises among those of its language.
_LIFT = 1.0
_LOOKED_AT = 5
# What the newest article gains when the latest is asked for, in deviations, and the days in which
# that halves; what one of the period asked about gains, and how long after it is reported.
_NEWEST, _HALF_LIFE = 1.0, 45
_IN_PERIOD, _REPORTED_WITHIN = 0.6, timedelta(days=7)


@dataclass(frozen=True, slots=True)
class EncodedQuery:
    """A query's centred vector (dimension,), rotated token vectors (n, dimension) and terms.

    `words` holds the token numbers of each word that carries meaning, `kind` what is asked for.
    """

    text: str
    kind: AnswerType
    language: Language
    vector: Floats
    tokens: Floats
    terms: list[str]
    names: list[str]
    words: list[npt.NDArray[np.intp]]


class Retriever(BaseRetriever):
    """The hybrid retriever, for LangChain's chains; `search` gives Burhan's own records."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    store: Store
    n_candidates: int = 50
    k: int = 10
    max_question_chars: int = 2_000

    def search(self, query: Query, encoded: EncodedQuery, k: int) -> list[Hit]:
        """The `k` best chunks, best first; near-duplicate articles count once."""
        snapshot = self.store.snapshot()
        filters = replace(query.filters, languages=())
        allowed = snapshot.matching_rows(filters) if filters else None
        found: dict[int, dict[str, float]] = {}
        for language in query.filters.languages or LANGUAGES:
            found |= self.score_language(snapshot, language, encoded, allowed)
        rows = sorted(found, key=lambda row: (-found[row]["score"], row))
        if query.latest or query.period:
            rows = _timely(query, snapshot, rows, found, k)
        return _hits(snapshot, rows, found, k)

    def encode(self, text: str, question: str = "") -> EncodedQuery:
        """The text encoded, its language's mean removed; `question` says what is asked for."""
        encoder = self.store.encoder
        language = detect_language(text)
        (encoded,) = encoder.encode([text], "query")
        return EncodedQuery(
            text=text,
            kind=answer_type(question or text),
            language=language,
            vector=centre_vector(encoded.vector, encoder, "query", language),
            tokens=codes.rotate(centre_tokens(encoded.tokens, encoder, "query", language)),
            terms=search_terms(text),
            names=name_terms(text),
            words=_content_words(text, encoded.spans),
        )

    def score_language(
        self,
        snapshot: Snapshot,
        language: Language,
        query: EncodedQuery,
        allowed: Ids | None,
    ) -> dict[int, dict[str, float]]:
        """Scores of one language's candidates by chunk row; "score" compares across languages."""
        if not snapshot.n_chunks(language):
            return {}
        k = self.n_candidates
        dense = dict(snapshot.search_dense(language, query.vector, k, allowed))
        lexical = snapshot.search_terms_in(language, "body", query.terms, k, allowed)
        home = language == query.language
        # At home a name is a word like others.
        names = {} if home else snapshot.search_terms_in(language, "names", query.names, k, allowed)
        candidates = sorted(dense.keys() | lexical.keys() | names.keys())
        rows, tokens = snapshot.token_vectors(candidates)
        late = tokens.max_sim(query.tokens)
        background = snapshot.background(language).max_sim(query.tokens)
        mean, deviation = float(background.mean()), max(float(background.std()), 1e-6)
        found = {}
        for row, similarity in zip(rows, late.tolist(), strict=True):
            calibrated = (similarity - mean) / deviation
            score = calibrated + _LEXICAL * lexical.get(row, 0.0)
            score += _AT_HOME if home else _NAMES_ABROAD * names.get(row, 0.0)
            found[row] = {
                "score": score,
                "row": float(row),
                "late_interaction": similarity,
                "calibrated": calibrated,
                "dense": dense.get(row, 0.0),
                "lexical": lexical.get(row, 0.0),
                "names": names.get(row, 0.0),
            }
        if home:
            _lift_shared_words(found)
        return found

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        made = make_query(query, max_chars=self.max_question_chars)
        hits = self.search(made, self.encode(made.text), self.k)
        return [as_document(hit) for hit in hits]


def _timely(
    query: Query,
    snapshot: Snapshot,
    rows: Sequence[int],
    scores: dict[int, dict[str, float]],
    k: int,
) -> list[int]:
    """The first rows in a new order: articles of the question's period forward, or new ones."""
    chunks = snapshot.chunks(rows[: _LOOKED_AT * k])
    published = {row: article.published for row, (_, article) in chunks.items()}
    newest = max((day for day in published.values() if len(day) == 10), default="")
    for row, day in published.items():
        if len(day) != 10:
            continue
        gained = 0.0
        if query.latest:
            age = (date.fromisoformat(newest) - date.fromisoformat(day)).days
            gained += _NEWEST * 0.5 ** (age / _HALF_LIFE)
        if query.period:
            last = query.period.last + _REPORTED_WITHIN
            gained += _IN_PERIOD * (query.period.first <= date.fromisoformat(day) <= last)
        scores[row] |= {"score": scores[row]["score"] + gained, "time": gained}
    return sorted(published, key=lambda row: (-scores[row]["score"], row))


def _lift_shared_words(found: dict[int, dict[str, float]]) -> None:
    """Reorders one language's chunks by words shared with the question as well.

    The scores stay the same set, dealt out anew, so that the language as a whole gains nothing
    over the other.
    """
    most = max((scores["lexical"] for scores in found.values()), default=0.0) or 1.0
    order = sorted(
        found, key=lambda row: -(found[row]["score"] + _LIFT * found[row]["lexical"] / most)
    )
    dealt = sorted((scores["score"] for scores in found.values()), reverse=True)
    for row, score in zip(order, dealt, strict=True):
        found[row]["score"] = score


def _content_words(text: str, spans: npt.NDArray[np.int32]) -> list[npt.NDArray[np.intp]]:
    words = (word for word in re.finditer(r"\w+", text) if search_terms(word.group()))
    inside = ((spans[:, 1] > word.start()) & (spans[:, 0] < word.end()) for word in words)
    return [numbers for tokens in inside if len(numbers := np.flatnonzero(tokens))]


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
    # Near-duplicates score alike: those of the first hits are among the next few.
    chunks = snapshot.chunks(rows[: _LOOKED_AT * k])
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
