"""Whether a passage answers a question, and with which sentence: both read together.

The reader is a small network that `index.train_reader` made for one encoder, run by ONNX Runtime
over the token vectors that the index holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from index.encoder import Encoder, Floats, onnx_session
from index.errors import EncoderError


class Passage(NamedTuple):
    """A passage's rotated unit token vectors, (n_tokens, dimension), and their sentences' numbers.

    Every token has one, from 0 to the number of sentences - 1.
    """

    vectors: Floats
    sentence: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader makes of one passage.

    Attributes:
        answered: Log-odds that it answers the question.
        sentences: How likely it is, if so, that each of its sentences does, (n_sentences,).
    """

    answered: float
    sentences: Floats


class AnswerReader:
    """Reads passages for a question; safe to share between threads."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        self._session = onnx_session(path)
        made_for = self._session.get_modelmeta().custom_metadata_map.get("encoder")
        if made_for != fingerprint:
            raise EncoderError(
                f"{path} was made for the encoder {made_for}, not {fingerprint}; make it again "
                f"(python -m index.train_reader) or take it away"
            )

    def read(self, question: Floats, passages: Sequence[Passage]) -> list[Reading]:
        """One reading for each passage; of the question its rotated unit token vectors."""
        if not passages:
            return []
        arrays = reader_inputs([question] * len(passages), passages)
        (logits,) = self._session.run(None, arrays)
        return [
            _reading(row[0], row[1 : 1 + len(passage.sentence)], passage.sentence)
            for row, passage in zip(logits, passages, strict=True)
        ]


def reader_inputs(
    questions: Sequence[Floats], passages: Sequence[Passage]
) -> dict[str, npt.NDArray[Any]]:
    """What the network takes of as many questions and passages.

    Token vectors, (cases, tokens, dimension), each with a mask that is False at padding; and the
    late interaction of the question with the sentence of each of the passage's tokens, (cases,
    tokens).
    """
    question, question_mask = _padded(questions)
    passage, passage_mask = _padded([passage.vectors for passage in passages])
    late = np.zeros(passage_mask.shape, np.float32)
    for row, (asked, told) in enumerate(zip(questions, passages, strict=True)):
        similarity = asked @ told.vectors.T
        for number in np.unique(told.sentence):
            inside = np.flatnonzero(told.sentence == number)
            late[row, inside] = similarity[:, inside].max(axis=1).mean()
    return {
        "question": question,
        "question_mask": question_mask,
        "passage": passage,
        "passage_mask": passage_mask,
        "late": late,
    }


def open_reader(encoder: Encoder) -> AnswerReader | None:
    """The reader made for an encoder, loaded once; None where there is none.

    Raises:
        EncoderError: It was made for another encoder.
    """
    return _opened(encoder.reader, encoder.fingerprint) if encoder.reader else None


@cache
def _opened(path: Path, fingerprint: str) -> AnswerReader:
    return AnswerReader(path, fingerprint)


def _padded(texts: Sequence[Floats]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    lengths = np.array([len(text) for text in texts])
    vectors = np.zeros((len(texts), lengths.max(), texts[0].shape[1]), np.float32)
    for row, text in enumerate(texts):
        vectors[row, : len(text)] = text
    return vectors, np.arange(lengths.max()) < lengths[:, None]


def _reading(none: float, tokens: Floats, sentence: npt.NDArray[np.int32]) -> Reading:
    top = tokens.max()
    weights = np.exp(tokens - top)
    total = weights.sum()
    sentences = np.bincount(sentence, weights / total).astype(np.float32)
    return Reading(float(top + np.log(total) - none), sentences)
