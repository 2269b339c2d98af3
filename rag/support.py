"""Whether a statement stands in what it cites, in either language.

What can be checked to the letter is: every number, month, weekday and Latin-script name of the
statement must be in the source, in whatever script, digits or words; a denial needs a denial.
For the rest the encoder judges: the statement's tokens, and the worst matched of its words, must
find their like among the source's tokens (late interaction). `python -m eval.support DATA`
measures it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.encoder import Encoder, Floats
from index.names import name_terms, skeleton
from index.normalize import detect_language, fold, search_terms
from index.statistics import centre_tokens
from rag import facts

# Least similarity of the whole statement, of its worst matched word, and of a name written in
# another script; chosen on the dev part of eval.support's pairs.
_STATEMENT, _WORD, _NAME = 0.5, 0.36, 0.52
_URL = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+\.\w+")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`missing` says what the source lacks: "number 45", "name Omar", "denial", "meaning"."""

    missing: tuple[str, ...] = ()

    @property
    def supported(self) -> bool:
        return not self.missing


@dataclass(frozen=True, slots=True)
class _Likeness:
    """`words` are the statement's content words with their similarity to the source."""

    statement: float
    words: list[tuple[str, float]]


class SupportChecker:
    """Checks statements with an encoder; safe to share between threads."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def check(self, statement: str, quotes: Sequence[str], known: str = "") -> Verdict:
        """Whether the quotes together hold the statement.

        Args:
            statement: One sentence, without markers.
            quotes: What it cites.
            known: What may be named though no quote has it: outlet, title and date of the
                articles, and the question.
        """
        source = "\n".join(quotes)
        if not source.strip():
            return Verdict(("citation",))
        whole = f"{source}\n{known}"
        missing = [
            *_missing_numbers(statement, whole),
            *(f"link {url}" for url in _URL.findall(statement) if url not in whole),
        ]
        likeness = self._likeness(statement, quotes)
        missing += _missing_names(statement, whole, likeness)
        if facts.negated(statement) != facts.negated(source):
            missing.append("denial")
        if likeness.statement < _STATEMENT or _worst(likeness, whole) < _WORD:
            missing.append("meaning")
        return Verdict(tuple(missing))

    def _likeness(self, statement: str, quotes: Sequence[str]) -> _Likeness:
        first, *others = self._encoder.encode([statement, *quotes], "passage")
        language = detect_language(statement)
        tokens = self._centred(first.tokens, statement)
        source = np.concatenate(
            [self._centred(one.tokens, quote) for one, quote in zip(others, quotes, strict=True)]
        )
        if not len(tokens) or not len(source):
            return _Likeness(0.0, [])
        del language
        best = (tokens @ source.T).max(axis=1)
        words = []
        for word in re.finditer(r"\w+", statement):
            inside = (first.spans[:, 1] > word.start()) & (first.spans[:, 0] < word.end())
            if search_terms(word.group()) and inside.any():
                words.append((word.group(), float(best[inside].mean())))
        return _Likeness(float(best.mean()), words)

    def _centred(self, tokens: Floats, text: str) -> Floats:
        return centre_tokens(tokens, self._encoder, "passage", detect_language(text))


def _missing_numbers(statement: str, source: str) -> list[str]:
    held = facts.numbers(source)
    return [
        *(f"number {value:g}" for value in sorted(facts.telling_numbers(statement) - held)),
        *(f"month {month}" for month in sorted(facts.months(statement) - facts.months(source))),
        *(f"weekday {day}" for day in sorted(facts.weekdays(statement) - facts.weekdays(source))),
    ]


def _missing_names(statement: str, source: str, likeness: _Likeness) -> list[str]:
    words, skeletons = set(re.findall(r"\w+", fold(source))), set(name_terms(source))
    similarity = dict(likeness.words)
    missing = []
    for name in facts.latin_names(statement):
        parts = [part for part in re.findall(r"\w+", name) if len(part) > 1]
        for part in parts:
            folded = fold(part)
            found = folded in words or skeleton(folded) in skeletons
            if not found and similarity.get(part, 1.0) < _NAME:
                missing.append(f"name {part}")
    return missing


def _worst(likeness: _Likeness, source: str) -> float:
    """Similarity of the worst matched word that the source does not have as it is."""
    held = set(search_terms(source))
    left = [s for word, s in likeness.words if not set(search_terms(word)) <= held]
    return min(left, default=1.0)
