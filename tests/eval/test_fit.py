import re

import numpy as np
import pytest

from eval import fit
from index.training.data import Document


def test_confidence_weights_are_those_that_tell_true_from_false():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(4_000, 3)) * [1, 10, 1]
    truth = generator.random(4_000) < 1 / (1 + np.exp(-(2 * features[:, 0] - 0.1 * features[:, 1])))
    assert fit.logistic(features, truth) == pytest.approx([2, -0.1, 0, 0], abs=0.25)


def test_retrieval_weights_are_those_that_find_the_right_passage(capsys):
    generator = np.random.default_rng(0)
    choices = []
    for _ in range(400):
        calibrated, features = generator.normal(size=8), generator.random((8, 3))
        score = 3 * (calibrated + features @ [1.5, 1.0, -0.5]) + generator.gumbel(size=8)
        choices.append(fit.Choice(calibrated, features, int(score.argmax())))
    fit._say_weights(choices)
    found = [float(v) for v in re.findall(r"_[A-Z_]+ (-?[\d.]+)", capsys.readouterr().out)]
    assert found == pytest.approx([1.5, 1.0, -0.5], abs=0.35)


def test_what_says_the_same_as_the_right_passage_is_no_rival():
    passages = [{"en": ["One."], "ar": ["واحد."]}, {"en": ["Two."], "ar": ["اثنان."]}]
    news, article = Document("ntrex-7", passages, [], []), Document("arcd-3-1", passages, [], [])
    names = {a["article_id"] for a in fit._articles([news, article])}
    of_news = fit._twins(fit.Asked("en", "?", news, 1, 0))
    assert {name for name in names if of_news in name} == {"en/ntrex-7/1", "ar/ntrex-7/1"}
    of_article = fit._twins(fit.Asked("en", "?", article, 1, 0))
    assert {name for name in names if of_article in name} == {
        f"{language}/arcd-3-1/{number}" for language in ("ar", "en") for number in (0, 1)
    }
