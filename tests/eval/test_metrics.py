import math

import numpy as np
import pytest

from eval import metrics
from eval.intervals import bootstrap, mean_interval, paired_p

# What MLQA's official script (mlqa_evaluation_v1.py) gives: language, prediction, gold, EM, F1.
OFFICIAL = [
    ("ar", "القاهرة، عاصمة مصر", "القاهرة", 0.0, 0.5),
    ("ar", "في عام ١٩٧٩", "1979", 0.0, 0.0),
    ("ar", "الجامعة العربية المفتوحة", "الجامعة العربية", 0.0, 0.8),
    ("ar", "مدينة حلب.", "حلب", 0.0, 0.666667),
    ("ar", "سؤال", "سؤ", 1.0, 1.0),
    ("en", "The Eiffel Tower, in Paris", "Eiffel Tower", 0.0, 0.666667),
    ("en", "A dam of 68 metres", "68 metres", 0.0, 0.666667),
    ("en", "an apple", "apple!", 1.0, 1.0),
    ("en", "Denver Broncos", "the Carolina Panthers", 0.0, 0.0),
    ("en", "it's 1,024", "its 1024", 1.0, 1.0),
]


@pytest.mark.parametrize(("language", "said", "gold", "exact", "f1"), OFFICIAL)
def test_as_the_official_script(language, said, gold, exact, f1):
    golds = {language: [gold]}
    best = metrics.best_over
    normalize = metrics.normalize_mlqa
    assert best(metrics.exact_match, normalize, said, golds) == exact
    assert best(metrics.f1, normalize, said, golds) == pytest.approx(f1, abs=1e-6)


def test_strict_arabic_keeps_words_apart_that_the_official_one_merges():
    strict = metrics.normalize_strict
    assert strict("سؤال", "ar") != strict("سؤ", "ar")
    assert strict("في عام ١٩٧٩", "ar") == strict("في عام 1979.", "ar")
    assert strict("الجَامِعة والمدرسة", "ar") == strict("جامعه مدرسة", "ar")
    assert strict("٣٫٥", "ar") == "3.5"
    assert strict("٣٦٬٠٠٠", "ar") == "36000"
    assert strict("36,000 tonnes", "en") == strict("the 36000 Tonnes", "en")
    assert strict("3.5", "en") != strict("35", "en")


def test_contains_whole_words_only():
    assert metrics.contains("it is 68 metres high", "68 metres") == 1
    assert metrics.contains("it is 168 metres high", "68 metres") == 0
    assert metrics.contains("anything", "") == 0


def test_ngram_recall_by_hand():
    assert metrics.ngram_recall("abcd", "abc") == 1
    assert metrics.ngram_recall("abx", "abcd") == 0
    assert metrics.ngram_recall("xabcx", "abcd") == 0.5
    assert metrics.ngram_recall("ab", "ab") == 1


def test_ranking_by_hand():
    ranked = {"q1": ["b", "a", "c"], "q2": ["a"], "q3": []}
    golds = {"q1": {"a"}, "q2": {"b", "a"}, "q3": {"a"}}
    found = metrics.ranking(ranked, golds)
    assert found["MRR"] == {"q1": 0.5, "q2": 1.0, "q3": 0.0}
    assert found["R@1"] == {"q1": 0.0, "q2": 0.5, "q3": 0.0}
    assert found["R@5"] == {"q1": 1.0, "q2": 0.5, "q3": 0.0}
    assert found["nDCG@10"]["q1"] == pytest.approx(1 / math.log2(3))
    assert found["nDCG@10"]["q2"] == pytest.approx(1 / (1 + 1 / math.log2(3)))


def test_auroc_by_hand():
    assert metrics.auroc([0.9, 0.8, 0.3, 0.1], [1, 0, 1, 0]) == 0.75
    assert metrics.auroc([0.5, 0.5], [1, 0]) == 0.5
    assert math.isnan(metrics.auroc([0.5], [1]))


def test_risk_and_coverage_by_hand():
    coverage, risk = metrics.risk_coverage([0.1, 0.9, 0.5, 0.7], [0, 1, 1, 0])
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert risk.tolist() == pytest.approx([0, 0.5, 1 / 3, 0.5])


def test_intervals_are_wider_when_questions_hang_together():
    values = np.repeat([0.0, 1.0], 50)
    apart = mean_interval(values, [str(i) for i in range(100)])
    together = mean_interval(values, [str(i // 10) for i in range(100)])
    assert apart[0] == together[0] == 0.5
    assert together[2] - together[1] > 2 * (apart[2] - apart[1])
    again = bootstrap(lambda rows: float(values[rows].mean()), [str(i // 10) for i in range(100)])
    assert again[1:] == pytest.approx(together[1:], abs=0.05)


def test_a_true_difference_of_one_point_in_1190_questions():
    """XQuAD has 1,190 questions: 12 more right are seen, and are not when many turn both ways."""
    generator = np.random.default_rng(1)
    before = (generator.random(1_190) < 0.8).astype(float)
    wrong = np.flatnonzero(before == 0)
    after = before.copy()
    after[generator.choice(wrong, 12, replace=False)] = 1
    groups = [str(i) for i in range(1_190)]
    value, low, high = mean_interval(after - before, groups)
    assert value == pytest.approx(0.0101, abs=1e-4)
    assert 0 < low < value < high < 0.02
    assert paired_p(after - before, groups) < 0.01
    noisy = after.copy()
    noisy[generator.choice(np.flatnonzero(after == 1), 40, replace=False)] = 0
    noisy[generator.choice(np.flatnonzero(noisy == 0), 40, replace=False)] = 1
    value, low, high = mean_interval(noisy - before, groups)
    assert low < 0 < high
    assert paired_p(noisy - before, groups) > 0.05
