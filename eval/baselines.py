"""What any result is held against: plain recipes of ranking, and answers that need no thought."""

import random
import re
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import tantivy
from langchain_text_splitters import RecursiveCharacterTextSplitter

from index.encoder import Encoder, unit
from index.types import LANGUAGES, Article, Filters, Hit, Language
from rag.assistant import Assistant
from rag.types import Answer

DEPTH = 30
_MAX_CHUNKS = 200


class Engine(Protocol):
    """What answers questions; `rag.Assistant` does, and so may anything of an evaluator's own."""

    def ask(self, question: str, *, filters: Filters | None = None) -> Answer:
        """An answer from the articles that the filters allow."""


class Ranker(Protocol):
    """What puts articles in order for a question."""

    def rank(self, question: str, languages: Sequence[Language]) -> list[str]:
        """Ids of articles in these languages, best first, each once."""


class HitRanker:
    """The assistant's own search; an article stands where its best chunk does."""

    def __init__(self, search: Callable[..., list[Hit]]) -> None:
        self._search = search

    def rank(self, question: str, languages: Sequence[Language]) -> list[str]:
        """Ids of articles in these languages, best first, each once."""
        filters = Filters(languages=tuple(languages))
        # Several chunks may be of one article.
        hits = self._search(question, k=_MAX_CHUNKS, filters=filters)
        return list(dict.fromkeys(hit.article.article_id for hit in hits))[:DEPTH]


class BM25:
    """BM25 (k1 1.2, b 0.75) on lower-cased words: no stemming, no folding."""

    def __init__(self, articles: Sequence[Article]) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("language", tokenizer_name="raw", stored=False)
        builder.add_text_field("text", tokenizer_name="whitespace", stored=False)
        builder.add_unsigned_field("row", stored=True)
        self._schema = builder.build()
        self._index = tantivy.Index(self._schema)
        self._ids = [article.article_id for article in articles]
        writer = self._index.writer(num_threads=1)
        for row, article in enumerate(articles):
            text = " ".join(_words(f"{article.title} {article.text}"))
            writer.add_document(tantivy.Document(row=row, text=text, language=article.language))
        writer.commit()
        self._index.reload()
        self._searcher = self._index.searcher()

    def rank(self, question: str, languages: Sequence[Language]) -> list[str]:
        """Ids of articles in these languages, best first, each once."""
        words = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "text", word))
            for word in dict.fromkeys(_words(question))
        ]
        of_language = tantivy.Query.term_set_query(self._schema, "language", list(languages))
        query = tantivy.Query.boolean_query(
            [
                (tantivy.Occur.Must, tantivy.Query.boolean_query(words)),
                (tantivy.Occur.Must, tantivy.Query.const_score_query(of_language, 0.0)),
            ]
        )
        found = self._searcher.search(query, DEPTH).hits
        return [self._ids[self._searcher.doc(at)["row"][0]] for _, at in found]


class NaiveDense:
    """The recipe of the tutorials: chunks of 1,000 characters, one vector each, cosine."""

    def __init__(self, articles: Sequence[Article], encoder: Encoder) -> None:
        splitter = RecursiveCharacterTextSplitter(chunk_size=1_000, chunk_overlap=200)
        parts = [
            (article, text) for article in articles for text in splitter.split_text(article.text)
        ]
        self._encoder = encoder
        self._ids = [article.article_id for article, _ in parts]
        self._languages = np.array([article.language for article, _ in parts])
        encoded = encoder.encode([text for _, text in parts], "passage")
        self._vectors = unit(np.stack([e.vector for e in encoded]))

    def rank(self, question: str, languages: Sequence[Language]) -> list[str]:
        """Ids of articles in these languages, best first, each once."""
        (encoded,) = self._encoder.encode([question], "query")
        scores = self._vectors @ unit(encoded.vector)
        scores[~np.isin(self._languages, languages)] = -np.inf
        order = [i for i in np.argsort(-scores, kind="stable") if np.isfinite(scores[i])]
        return list(dict.fromkeys(self._ids[i] for i in order))[:DEPTH]


class Random:
    """Any order, the same for the same question."""

    def __init__(self, articles: Sequence[Article]) -> None:
        self._ids = {
            language: sorted(a.article_id for a in articles if a.language == language)
            for language in LANGUAGES
        }

    def rank(self, question: str, languages: Sequence[Language]) -> list[str]:
        """Ids of articles in these languages, best first, each once."""
        ids = [article_id for language in languages for article_id in self._ids[language]]
        random.Random(question).shuffle(ids)
        return ids[:DEPTH]


class AlwaysRefuse:
    """Answers nothing, and so is never wrong."""

    def ask(self, question: str, *, filters: Filters | None = None) -> Answer:
        """A refusal."""
        return Answer(question, "en", "", (), (), refused=True, confidence=0.0, engine="refuse")


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def always_answer(assistant: Assistant) -> Assistant:
    """The assistant without its threshold."""
    settings = assistant.settings.model_copy(update={"min_confidence": 0.0})
    return Assistant(assistant.store, settings)
