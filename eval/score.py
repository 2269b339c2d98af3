"""From what was seen to measures with intervals, by track, system and direction.

A direction is "ar->en" for Arabic questions whose answer is in English articles, and a language
alone for all its questions.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eval import metrics
from eval.dataset import JOINT, Case, Dataset, Gold
from eval.intervals import Rows, bootstrap, mean_interval
from eval.outcomes import OURS, Outcome
from index.normalize import fold
from index.types import LANGUAGES, Article, Language

Values = npt.NDArray[np.float64]

# Where less is better; of everything else more is.
GAP = "language gap, R@5"
LOWER_IS_BETTER = {
    GAP,
    "hallucination",
    "error",
    "AURC",
    "invalid",
    "median s",
    "p95 s",
    "without a verdict",
}
_CODES = {
    "mean": lambda v: float(v[:, 0].mean()),
    "auroc": lambda v: metrics.auroc(v[:, 0], v[:, 1]),
    "aurc": lambda v: float(metrics.risk_coverage(v[:, 0], v[:, 1])[1].mean()),
    "median": lambda v: float(np.median(v[:, 0])),
    "p95": lambda v: float(np.quantile(v[:, 0], 0.95)),
}
# Of the longer of a quote and a gold sentence, what the shorter must be at least.
_OVERLAP = 0.15
STATISTICS: Mapping[str, Callable[[Values], float]] = _CODES


@dataclass(frozen=True, slots=True)
class Measure:
    """One number, with the values of single questions that it is made of.

    `values` is (n_cases, 1), or (n_cases, 2) where `statistic` needs two of each; `groups` has
    each case's group.
    """

    track: str
    system: str
    direction: str
    name: str
    cases: tuple[str, ...]
    values: Values
    groups: tuple[str, ...]
    statistic: str = "mean"

    @property
    def key(self) -> str:
        """What a gate or a comparison calls it."""
        return "/".join((self.track, self.system, self.direction, self.name))

    def value(self, rows: Rows | None = None) -> float:
        """The statistic, of the given rows only if there are any given."""
        values = self.values if rows is None else self.values[rows]
        return STATISTICS[self.statistic](values)

    def interval(self) -> tuple[float, float, float]:
        """Value, and its 95% interval."""
        if self.statistic == "mean" and self.name != GAP:  # a gap is no share
            return mean_interval(self.values[:, 0], self.groups)
        return bootstrap(self.value, self.groups)


class Scorer:
    """Scores the outcomes of one run."""

    def __init__(self, dataset: Dataset, articles: Mapping[str, Article]) -> None:
        self._cases = {case.case_id: case for case in dataset.cases}
        self._articles = articles

    def measures(self, outcomes: Iterable[Outcome], tracks: Sequence[str]) -> list[Measure]:
        """Every measure of the tracks, in a fixed order."""
        by_step: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
        for outcome in outcomes:
            by_step[outcome["step"], outcome["system"]].append(outcome)
        found: list[Measure] = []
        ways = {
            "retrieval": ("rank", self._retrieval),
            "evidence": ("evidence", self._evidence),
            "answers": ("ask", self._answers),
            "citations": ("ask", self._citations),
            "refusal": ("ask", self._refusal),
            "latency": ("ask", self._latency),
        }
        for track, (wanted, way) in ways.items():
            for (step, system), seen in by_step.items():
                # A baseline's speed says nothing.
                if track in tracks and step == wanted and (system == OURS or track != "latency"):
                    found += way(system, seen)
            if track == "answers" and track in tracks and ("judge", OURS) in by_step:
                found += self._judged(OURS, by_step["judge", OURS])
        return found

    def language_of(self, article_id: str) -> Language:
        """Language of an article."""
        return self._articles[article_id].language

    def directions(self, case: Case) -> list[str]:
        """Languages that the case's answer is in, as directions; its own first."""
        found = {self.language_of(article_id) for article_id in case.article_ids}
        return [f"{case.language}->{p}" for p in sorted(found, key=lambda p: p != case.language)]

    def right(self, case: Case, outcome: Outcome) -> bool:
        """Whether a question was answered with a quote that holds gold, or rightly refused."""
        if not case.answerable or outcome["refused"]:
            return bool(outcome["refused"]) and not case.answerable
        return any(self._is_gold(case, citation) for citation in outcome["citations"])

    def answered(
        self, seen: Iterable[Outcome], language: Language
    ) -> dict[str, tuple[float, float]]:
        """Confidence and rightness of every answer given to a question in that language."""
        return {
            o["case"]: (o["confidence"], float(self.right(self._cases[o["case"]], o)))
            for o in seen
            if not o["refused"] and self._cases[o["case"]].language == language
        }

    def _story(self, article_id: str) -> str:
        # Of near-duplicates a search shows one; any of them will do.
        article = self._articles.get(article_id)
        return (article.story_id if article else "") or article_id

    def _make(
        self,
        track: str,
        system: str,
        name: str,
        values: Mapping[Any, Mapping[str, float | tuple[float, float]]],
        statistic: str = "mean",
    ) -> list[Measure]:
        """A measure for each direction of `values`, by direction and case."""
        return [
            Measure(
                track,
                system,
                direction,
                name,
                tuple(of_cases),
                np.array(list(of_cases.values()), float).reshape(len(of_cases), -1),
                tuple(self._cases[case_id].group for case_id in of_cases),
                statistic,
            )
            for direction, of_cases in sorted(values.items())
            if of_cases
        ]

    def _retrieval(self, system: str, seen: Sequence[Outcome]) -> list[Measure]:
        found: list[Measure] = []
        at_five: dict[tuple[Language, bool], dict[str, float]] = defaultdict(dict)
        for home in LANGUAGES:
            for pool in LANGUAGES:
                for mixed in (False, True):
                    golds, ranked = self._pooled(seen, home, pool, mixed=mixed)
                    if not golds:
                        continue
                    direction = f"{home}->{pool}, {'mixed' if mixed else 'one language'}"
                    for name, values in metrics.ranking(ranked, golds).items():
                        found += self._make("retrieval", system, name, {direction: values})
                        if mixed and name == "R@5":
                            at_five[home, pool == home] |= values
        gaps: dict[str, dict[str, float]] = {}
        for home in LANGUAGES:
            own, other = at_five[home, True], at_five[home, False]
            gaps[home] = {case: own[case] - other[case] for case in own if case in other}
        return found + self._make("retrieval", system, GAP, gaps)

    def _pooled(
        self, seen: Sequence[Outcome], home: Language, pool: Language, *, mixed: bool
    ) -> tuple[dict[str, set[str]], dict[str, list[str]]]:
        """Gold stories and rankings of the questions in `home` with gold in `pool`.

        In the mixed index the gold of the other language is taken away.
        """
        golds: dict[str, set[str]] = {}
        ranked: dict[str, list[str]] = {}
        for outcome in seen:
            case = self._cases[outcome["case"]]
            wanted = {self._story(i) for i in case.article_ids if self.language_of(i) == pool}
            if case.language != home or not wanted:
                continue
            others = {i for i in case.article_ids if self.language_of(i) != pool}
            names = outcome["ranked"]["mixed" if mixed else pool]
            kept = [self._story(name) for name in names if name not in others]
            golds[case.case_id] = wanted
            ranked[case.case_id] = list(dict.fromkeys(kept))
        return golds, ranked

    def _evidence(self, system: str, seen: Sequence[Outcome]) -> list[Measure]:
        values: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
        for outcome in seen:
            case = self._cases[outcome["case"]]
            for language, quotes in outcome["quotes"].items():
                golds = [g for g in case.evidence if self.language_of(g.article_id) == language]
                hit = [any(_meet(g, quote) for g in golds) for quote in quotes]
                # Of what near-duplicates say alike, any one will do.
                met: dict[tuple[str, str], bool] = {}
                for gold in golds:
                    told = any(_meet(gold, quote) for quote in quotes)
                    key = self._story(gold.article_id), " ".join(gold.quote.split())
                    met[key] = met.get(key, False) or told
                direction = f"{case.language}->{language}"
                for name, value in (
                    ("first right", float(bool(hit) and hit[0])),
                    ("precision", sum(hit) / max(1, len(hit))),
                    ("recall", sum(met.values()) / len(met)),
                ):
                    values[name][direction][case.case_id] = value
        return [m for name in values for m in self._make("evidence", system, name, values[name])]

    def _answers(self, system: str, seen: Sequence[Outcome]) -> list[Measure]:
        values: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
        for outcome in seen:
            case = self._cases[outcome["case"]]
            if outcome["language"]:
                right = float(outcome["language"] == case.language)
                values["right language"][case.language][case.case_id] = right
            if not case.answerable or not case.answers:
                continue
            direction = self.directions(case)[0]
            for name, value in _against_golds(case, outcome).items():
                values[name][direction][case.case_id] = value
        return [m for name in values for m in self._make("answers", system, name, values[name])]

    def _is_gold(self, case: Case, citation: Mapping[str, str]) -> bool:
        if case.evidence:
            return any(_meet(gold, citation) for gold in case.evidence)
        return citation["article_id"] in case.article_ids

    def _citations(self, system: str, seen: Sequence[Outcome]) -> list[Measure]:
        values: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
        for outcome in seen:
            case, citations = self._cases[outcome["case"]], outcome["citations"]
            if outcome["refused"]:
                continue
            bad = sum(not c["verbatim"] for c in citations) + outcome["dangling"]
            n_markers = len(citations) + outcome["dangling"]
            values["invalid"][case.language][case.case_id] = bad / max(1, n_markers)
            if not case.answerable:
                continue
            direction = self.directions(case)[0]
            right = [self._is_gold(case, c) for c in citations]
            cited = [c["article_id"] in case.article_ids for c in citations]
            told = {
                "precision": sum(right) / max(1, len(right)),
                "article precision": sum(cited) / max(1, len(cited)),
                "recall": _recall(case, citations) if case.evidence else float(any(cited)),
            }
            if case.answers:
                told["quote has the answer"] = max(
                    (_holds(case, c["quote"]) for c in citations), default=0.0
                )
            for name, value in told.items():
                values[name][direction][case.case_id] = value
        return [m for name in values for m in self._make("citations", system, name, values[name])]

    def _refusal(self, system: str, seen: Sequence[Outcome]) -> list[Measure]:
        error: dict[str, dict[str, float]] = defaultdict(dict)
        hallucination: dict[str, dict[str, float]] = defaultdict(dict)
        confidence: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
        risk = {language: self.answered(seen, language) for language in LANGUAGES}
        for outcome in seen:
            case = self._cases[outcome["case"]]
            name, sure = case.case_id, outcome["confidence"]
            if not case.answerable:
                hallucination[case.language][name] = float(not outcome["refused"])
                for pool in LANGUAGES:
                    confidence[f"{case.language}->{pool}"][name] = (sure, 0.0)
                continue
            direction = self.directions(case)[0]
            error[direction][name] = float(outcome["refused"])
            confidence[direction][name] = (sure, 1.0)
        both = {
            direction: pairs
            for direction, pairs in confidence.items()
            if len({label for _, label in pairs.values()}) == 2
        }
        return [
            *self._make("refusal", system, "hallucination", hallucination),
            *self._make("refusal", system, "error", error),
            *self._make("refusal", system, "AUROC", both, "auroc"),
            *self._make("refusal", system, "AURC", risk, "aurc"),
        ]

    def _judged(self, system: str, seen: Sequence[Outcome]) -> list[Measure]:
        right: dict[str, dict[str, float]] = defaultdict(dict)
        silent: dict[str, dict[str, float]] = defaultdict(dict)
        for outcome in seen:
            case = self._cases[outcome["case"]]
            direction = self.directions(case)[0]
            silent[direction][case.case_id] = float(outcome["right"] is None)
            right[direction][case.case_id] = float(outcome["right"] or False)
        # A share of the questions that happened to get a verdict would say nothing.
        right = {d: of for d, of in right.items() if not any(silent[d].values())}
        if any(any(of.values()) for of in silent.values()):
            return self._make("answers", system, "without a verdict", silent)
        return self._make("answers", system, "judged right", right)

    def _latency(self, system: str, seen: Sequence[Outcome]) -> list[Measure]:
        seconds = {"all": {outcome["case"]: outcome["seconds"] for outcome in seen}}
        return [
            *self._make("latency", system, "median s", seconds, "median"),
            *self._make("latency", system, "p95 s", seconds, "p95"),
        ]


def _meet(gold: Gold, citation: Mapping[str, str]) -> bool:
    """Whether a quote and a gold sentence of the same article are, or hold, one another."""
    quote = citation["quote"]
    if gold.article_id != citation["article_id"] or not quote.strip():
        return False
    shorter, longer = sorted((gold.quote, quote), key=len)
    # A letter of it, or the whole article, proves nothing.
    return shorter in longer and len(shorter) >= _OVERLAP * len(longer)


def _recall(case: Case, citations: Sequence[Mapping[str, str]]) -> float:
    """Whether a gold sentence is quoted; of what has to be told together, share of two of them.

    Gold sentences of such a question may also say the same, so more cannot be asked for.
    """
    met = sum(any(_meet(g, c) for c in citations) for g in case.evidence)
    wanted = min(2, len(case.evidence)) if case.kind in JOINT else 1
    return min(1.0, met / wanted)


def _holds(case: Case, quote: str) -> float:
    return metrics.best_over(metrics.contains, metrics.normalize_strict, quote, case.answers)


def _against_golds(case: Case, outcome: Outcome) -> dict[str, float]:
    """The answer against the gold answers; a refusal scores 0."""
    if outcome["refused"]:
        names = ("EM", "F1", "EM, strict", "F1, strict", "3-gram recall", "has the answer")
        return dict.fromkeys(names, 0.0)
    text = outcome["text"]
    official, strict = metrics.normalize_mlqa, metrics.normalize_strict
    return {
        "EM": metrics.best_over(metrics.exact_match, official, text, case.answers),
        "F1": metrics.best_over(metrics.f1, official, text, case.answers),
        "EM, strict": metrics.best_over(metrics.exact_match, strict, text, case.answers),
        "F1, strict": metrics.best_over(metrics.f1, strict, text, case.answers),
        "3-gram recall": metrics.best_over(
            metrics.ngram_recall, lambda words, _: fold(words), text, case.answers
        ),
        "has the answer": metrics.best_over(metrics.contains, strict, text, case.answers),
    }
