"""What is counted of one answer or one ranking. Plain functions, checked by hand in the tests.

Rankings are left to ir-measures; what it has not is here.
"""

import re
import string
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache

import ir_measures
import numpy as np
import numpy.typing as npt
from ir_measures import RR, R, nDCG
from scipy.stats import rankdata

from index.normalize import fold
from index.types import Language

RANKING = {"nDCG@10": nDCG @ 10, "R@1": R @ 1, "R@5": R @ 5, "R@10": R @ 10, "MRR": RR}
_ARABIC_ARTICLE = re.compile(r"^(?:و?ال|لل)(?=..)")
_ENGLISH_ARTICLES = {"a", "an", "the"}


def ranking(
    ranked: Mapping[str, Sequence[str]], golds: Mapping[str, Collection[str]]
) -> dict[str, dict[str, float]]:
    """nDCG@10, R@1, R@5, R@10 and MRR of each question, by metric and question.

    Args:
        ranked: Documents by question, best first.
        golds: Relevant documents by question, at least one each.
    """
    run = {
        question: {name: float(-place) for place, name in enumerate(names)}
        for question, names in ranked.items()
    }
    qrels = {question: dict.fromkeys(names, 1) for question, names in golds.items()}
    values: dict[str, dict[str, float]] = {name: dict.fromkeys(golds, 0.0) for name in RANKING}
    names = {measure: name for name, measure in RANKING.items()}
    for found in ir_measures.iter_calc(RANKING.values(), qrels, run):
        values[names[found.measure]][found.query_id] = float(found.value)
    return values


def normalize_mlqa(text: str, language: Language) -> str:
    """As MLQA's official script (Lewis et al., 2020), its odd treatment of ال included."""
    text = "".join(c for c in text.lower() if c not in _punctuation())
    pattern = r"\b(a|an|the)\b" if language == "en" else r"\sال^|ال"
    return " ".join(re.sub(pattern, " ", text).split())


def normalize_strict(text: str, language: Language) -> str:
    """Folded as search folds; punctuation and each word's article taken off, and nothing else."""
    text = fold(text).replace("٫", ".").replace("٬", "")
    words = [word.replace(",", "") for word in re.findall(r"\d+(?:[.,]\d+)+|\w+", text)]
    if language == "en":
        return " ".join(word for word in words if word not in _ENGLISH_ARTICLES)
    return " ".join(_ARABIC_ARTICLE.sub("", word) for word in words)


def exact_match(prediction: str, gold: str) -> float:
    """1 when the two normalised texts are the same."""
    return float(prediction == gold)


def f1(prediction: str, gold: str) -> float:
    """Harmonic mean of precision and recall over the words of two normalised texts."""
    said, wanted = prediction.split(), gold.split()
    shared = sum((Counter(said) & Counter(wanted)).values())
    return 2 * shared / (len(said) + len(wanted)) if shared else 0.0


def contains(prediction: str, gold: str) -> float:
    """1 when the gold's words stand in the prediction, in order and together."""
    return float(bool(gold) and f" {gold} " in f" {prediction} ")


def ngram_recall(prediction: str, gold: str, n: int = 3) -> float:
    """Share of the gold's character n-grams that the prediction has, blanks not counted."""
    wanted, said = _ngrams(gold, n), _ngrams(prediction, n)
    return sum((wanted & said).values()) / max(1, wanted.total())


def best_over(
    measure: Callable[[str, str], float],
    normalize: Callable[[str, Language], str],
    prediction: str,
    golds: Mapping[Language, Iterable[str]],
) -> float:
    """The measure's highest value over all golds, each compared as its language is."""
    return max(
        (
            measure(normalize(prediction, language), normalize(gold, language))
            for language, texts in golds.items()
            for gold in texts
        ),
        default=0.0,
    )


def auroc(scores: npt.ArrayLike, positive: npt.ArrayLike) -> float:
    """Chance that a positive scores above a negative, ties half; nan without both."""
    scores, chosen = np.asarray(scores, float), np.asarray(positive, bool)
    n_positive, n_negative = int(chosen.sum()), int((~chosen).sum())
    if not n_positive or not n_negative:
        return float("nan")
    above = rankdata(scores)[chosen].sum() - n_positive * (n_positive + 1) / 2
    return float(above / (n_positive * n_negative))


def risk_coverage(
    confidence: npt.ArrayLike, right: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Share answered, and share of wrong among them, as the confidence asked for falls.

    Source: El-Yaniv and Wiener, "On the Foundations of Noise-free Selective Classification", 2010.
    """
    order = np.argsort(-np.asarray(confidence, float), kind="stable")
    wrong = 1 - np.asarray(right, float)[order]
    answered = np.arange(1, len(wrong) + 1)
    return answered / len(wrong), wrong.cumsum() / answered


def _ngrams(text: str, n: int) -> Counter[str]:
    text = text.replace(" ", "")
    return Counter(text[i : i + n] for i in range(max(1, len(text) - n + 1)))


@cache
def _punctuation() -> frozenset[str]:
    every = map(chr, range(sys.maxunicode))
    return frozenset(c for c in every if unicodedata.category(c).startswith("P")) | frozenset(
        string.punctuation
    )
