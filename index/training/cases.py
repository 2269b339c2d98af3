"""What the answer reader is trained on: a question, a passage, and the sentence that answers.

Texts are encoded once, passages into the token codes of two bits that an index holds.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from index import codes
from index.encoder import Encoder, Floats
from index.reader import Passage
from index.statistics import centre_tokens
from index.training.data import Document, sentence_keys
from index.types import LANGUAGES, Language

# Passages of other documents that are nearest to each passage; a question is asked of one of them.
_N_NEAR = 6
# How often a case is: the passage that answers; one that seems to; the right one without its
# sentence; another passage that is near.
_SHARES = (0.42, 0.28, 0.15, 0.15)


@dataclass(frozen=True, slots=True)
class Case:
    """A question asked of a passage; `answer` is the number of its sentence, None for none."""

    query: str
    query_language: Language
    passage: tuple[str, ...]
    passage_language: Language
    answer: int | None

    @property
    def direction(self) -> str:
        """Language of the question and of the passage."""
        return f"{self.query_language}>{self.passage_language}"


class Cases:
    """Endless cases out of documents, and each document's own once, for measuring."""

    def __init__(
        self, documents: Sequence[Document], near: dict[tuple[str, int], list[int]]
    ) -> None:
        self._documents = documents
        self._near = near
        self._passages = [
            (document, number) for document in documents for number in range(len(document.passages))
        ]
        self._answered = [(d, n) for d in documents for n in range(len(d.questions))]
        self._unanswered = [(d, n) for d in documents for n in range(len(d.unanswerable))]

    def sample(self, generator: random.Random, n: int) -> list[Case]:
        """Cases of all sorts and directions."""
        sorts = generator.choices(("answered", "seeming", "without", "near"), _SHARES, k=n)
        return [self._case(sort, generator) for sort in sorts]

    def _case(self, sort: str, generator: random.Random) -> Case:
        q, p = generator.choice(LANGUAGES), generator.choice(LANGUAGES)
        if sort == "seeming" and self._unanswered:
            document, number = generator.choice(self._unanswered)
            question, passage = document.unanswerable[number]
            return Case(question[q], q, tuple(document.passages[passage][p]), p, None)
        document, number = generator.choice(self._answered)
        question, passage, sentence = document.questions[number]
        sentences = tuple(document.passages[passage][p])
        if sort == "without" and len(sentences) > 1:
            left = sentences[:sentence] + sentences[sentence + 1 :]
            return Case(question[q], q, left, p, None)
        if sort == "near" and (near := self._near.get((document.name, passage))):
            other, at = self._passages[generator.choice(near)]
            return Case(question[q], q, tuple(other.passages[at][p]), p, None)
        return Case(question[q], q, sentences, p, sentence)

    def each(self) -> Iterator[Case]:
        """Every question on its own passage, in four directions."""
        for q in LANGUAGES:
            for p in LANGUAGES:
                for document in self._documents:
                    for asked, number, sentence in document.questions:
                        yield Case(asked[q], q, tuple(document.passages[number][p]), p, sentence)
                    for asked, number in document.unanswerable:
                        yield Case(asked[q], q, tuple(document.passages[number][p]), p, None)


def near_passages(
    documents: Sequence[Document], encoder: Encoder
) -> dict[tuple[str, int], list[int]]:
    """The passages nearest to each that share no sentence with it, by document and number."""
    places = [(d, n) for d in documents for n in range(len(d.passages))]
    texts = [" ".join(document.passages[number]["en"]) for document, number in places]
    vectors = np.stack([encoded.vector for encoded in encoder.encode(texts, "passage")])
    order = np.argsort(-(vectors @ vectors.T), axis=1)
    said = [sentence_keys(document.passages[number]["en"]) for document, number in places]
    return {
        (document.name, number): [
            int(other) for other in order[row, : 3 * _N_NEAR] if not said[row] & said[other]
        ][:_N_NEAR]
        for row, (document, number) in enumerate(places)
    }


class Texts:
    """Texts encoded as an index holds them, each at its first use."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        # Questions as vectors, passages as codes with the number of each token's sentence.
        self._questions: dict[str, npt.NDArray[np.float16]] = {}
        self._passages: dict[tuple[str, ...], tuple[bytes, npt.NDArray[np.int32]]] = {}

    def add(self, cases: Sequence[Case]) -> None:
        """Encodes what the cases need and is not known yet."""
        for language in LANGUAGES:
            asked = {case.query for case in cases if case.query_language == language}
            told = {case.passage for case in cases if case.passage_language == language}
            self._add_questions(sorted(asked - self._questions.keys()), language)
            self._add_passages(sorted(told - self._passages.keys()), language)

    def _add_questions(self, texts: Sequence[str], language: Language) -> None:
        for text, encoded in zip(texts, self._encoder.encode(texts, "query"), strict=True):
            tokens = centre_tokens(encoded.tokens, self._encoder, "query", language)
            self._questions[text] = codes.rotate(tokens).astype(np.float16)

    def _add_passages(self, texts: Sequence[tuple[str, ...]], language: Language) -> None:
        joined = [" ".join(sentences) for sentences in texts]
        for sentences, encoded in zip(texts, self._encoder.encode(joined, "passage"), strict=True):
            tokens = centre_tokens(encoded.tokens, self._encoder, "passage", language)
            ends = np.cumsum([len(sentence) + 1 for sentence in sentences])
            # A token begins with the space before it.
            owner = np.searchsorted(ends, encoded.spans[:, 1] - 1, side="right")
            self._passages[sentences] = codes.pack(tokens), owner.astype(np.int32)

    def question(self, case: Case) -> Floats:
        """Rotated unit token vectors of a case's question, (n_tokens, dimension)."""
        return self._questions[case.query].astype(np.float32)

    def passage(self, case: Case) -> Passage:
        """A case's passage as the reader takes it."""
        packed, owner = self._passages[case.passage]
        vectors = codes.block([packed], self._encoder.dimension).unpacked()
        return Passage(vectors, owner)

    def length(self, case: Case) -> int:
        """Tokens of a case's passage."""
        return len(self._passages[case.passage][1])
