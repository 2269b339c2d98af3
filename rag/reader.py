"""Whether a passage answers a question, and where: their token vectors read together.

The reader is a few transformer layers that `index.train_reader` made for one encoder, run by ONNX
Runtime over the token vectors that the index holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from index.encoder import Floats, onnx_session


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader makes of one passage.

    Attributes:
        answered: Log-odds that it answers the question.
        tokens: How likely it is, if so, that each of the passage's tokens stands in the answering
            sentence's best place, (n_tokens,); they sum to 1.
    """

    answered: float
    tokens: Floats


class AnswerReader:
    """Reads passages for a question; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self._session = onnx_session(path)

    def read(self, question: Floats, passages: Sequence[Floats]) -> list[Reading]:
        """One reading for each passage.

        Args:
            question: Rotated unit token vectors, (n, dimension).
            passages: The same of each passage.
        """
        if not passages:
            return []
        n, dimension = question.shape
        width = n + max(map(len, passages))
        vectors = np.zeros((len(passages), width, dimension), np.float32)
        kinds = np.zeros((len(passages), width), np.int64)
        vectors[:, :n] = question
        kinds[:, :n] = 1
        for row, passage in enumerate(passages):
            vectors[row, n : n + len(passage)] = passage
            kinds[row, n : n + len(passage)] = 2
        (logits,) = self._session.run(None, {"vectors": vectors, "kinds": kinds})
        return [
            _reading(none, tokens[n : n + len(passage)])
            for none, tokens, passage in zip(logits[:, 0], logits[:, 1:], passages, strict=True)
        ]


def _reading(none: float, tokens: Floats) -> Reading:
    if not len(tokens):
        return Reading(-np.inf, tokens)
    top = tokens.max()
    share = np.exp(tokens - top)
    total = share.sum()
    return Reading(float(top + np.log(total) - none), np.asarray(share / total, np.float32))


@cache
def open_reader(path: Path) -> AnswerReader:
    """The reader of that file, loaded once."""
    return AnswerReader(path)
