"""What the answer reader is trained on: a question, a passage, and the sentence that answers.

Passages and questions are encoded once, as an index holds them: token codes of two bits.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from index import codes
from index.encoder import KINDS, Encoder, Floats, Kind
from index.statistics import centre_tokens
from index.training.data import Document, sentence_keys
from index.types import LANGUAGES, Language

# Passages of other documents that are nearest to each passage; a question is asked of one of them.
_N_NEAR = 6
# How often a case is: the passage that answers; one that seems to; the right one without its
# sentence; another passage that is near.
_SHARES = (0.42, 0.28, 0.15, 0.15)


@dataclass(frozen=True, slots=True)
class Text:
    """A text's rotated token vectors, a passage's as codes, and its tokens' sentences.

    Attributes:
        held: Token vectors, (n_tokens, dimension), or codes of them; see `index.codes`.
        sentence: The number of each token's sentence, (n_tokens,).
    """

    held: npt.NDArray[np.float16] | bytes
    sentence: npt.NDArray[np.int32]

    def vectors(self, dimension: int) -> Floats:
        """Unit token vectors in the rotated space, (n_tokens, dimension)."""
        if isinstance(self.held, bytes):
            return codes.block([self.held], dimension).unpacked()
        return self.held.astype(np.float32)


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

    def sentences(self, kind: Kind) -> tuple[str, ...]:
        """The sentences of the question, which is one, or of the passage."""
        return (self.query,) if kind == "query" else self.passage

    def language(self, kind: Kind) -> Language:
        """Language of the question or of the passage."""
        return self.query_language if kind == "query" else self.passage_language


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
        self._known: dict[tuple[Kind, tuple[str, ...]], Text] = {}

    def add(self, cases: Sequence[Case]) -> None:
        """Encodes what the cases need and is not known yet."""
        for kind in KINDS:
            for language in LANGUAGES:
                wanted = {
                    case.sentences(kind)
                    for case in cases
                    if case.language(kind) == language
                    and (kind, case.sentences(kind)) not in self._known
                }
                self._encode(sorted(wanted), kind, language)

    def _encode(self, texts: Sequence[tuple[str, ...]], kind: Kind, language: Language) -> None:
        found = self._encoder.encode([" ".join(sentences) for sentences in texts], kind)
        for sentences, encoded in zip(texts, found, strict=True):
            tokens = centre_tokens(encoded.tokens, self._encoder, kind, language)
            ends = np.cumsum([len(sentence) + 1 for sentence in sentences])
            owner = np.searchsorted(ends, encoded.spans[:, 1] - 1, side="right").astype(np.int32)
            held = (
                codes.rotate(tokens).astype(np.float16) if kind == "query" else codes.pack(tokens)
            )
            self._known[kind, sentences] = Text(held, owner)

    def get(self, case: Case, kind: Kind) -> Text:
        """The encoded question or passage of a case."""
        return self._known[kind, case.sentences(kind)]

    def length(self, case: Case) -> int:
        """Tokens of a case's passage."""
        return len(self.get(case, "passage").sentence)
