"""Fits the retriever's weights and the confidence to an encoder, on held-out documents.

    python -m eval.fit DATA

The documents are those that `index.train` leaves out, in both languages in one index, asked in
both. Weights: a listwise logistic fit, each question once with its passage in its own language
only and once in the other only. Sentences: the same, among those of the passage that answers.
Confidence: logistic fits of "the passage is there" on questions with and without their document,
and of "it answers" on those and questions that only seem answered; 12 in 100 of the sample's
answerable dev questions may fall below one half. XQuAD is not read; `eval.retrieval` reports on it.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

import rag
from eval import metrics
from eval.formats import sample_dataset
from eval.retrieval import Bench
from index.training.data import Document, is_held_out, read_documents
from index.types import LANGUAGES, Filters, Hit, Language
from rag import evidence
from rag.retrieve import EncodedQuery
from rag.settings import load_settings

Floats = npt.NDArray[np.float64]

_K = 30
_RIDGE = 1e-3
_REFUSED = 0.12


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a held-out document, its passage and the sentence that answers, if any."""

    language: Language
    text: str
    document: Document
    passage: int
    sentence: int | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A question's candidates: z-scores, (n,), features that are weighed, (n, 3), and the gold."""

    calibrated: Floats
    features: Floats
    gold: int


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--encoder", help="another encoder than the settings'")
    parser.add_argument("--every", type=int, default=1, help="only every so many questions")
    arguments = parser.parse_args()
    documents = [d for number, d in read_documents(arguments.data) if is_held_out(number)]
    asked = [
        Asked(language, question[language], document, passage, sentence)
        for document in documents
        for question, passage, sentence in document.questions[:: arguments.every]
        for language in LANGUAGES
    ]
    seeming = [
        Asked(language, question[language], document, passage, None)
        for document in documents
        for question, passage in document.unanswerable[:: arguments.every]
        for language in LANGUAGES
    ]
    with tempfile.TemporaryDirectory(prefix="burhan-fit-") as name:
        settings = load_settings(min_confidence=0, encoder=arguments.encoder)
        bench = Bench(arguments.data, Path(name), settings)
        assistant = bench.index([*_articles(documents)], "held-out")
        _say_weights(list(_choices(assistant, asked)))
        _say_sentence(assistant, asked)
        weights = _say_confidence(assistant, asked, seeming)
        sample = [
            {"article_id": a.article_id, "language": a.language, "title": a.title, "text": a.text}
            for a in sample_dataset().articles
        ]
        _say_doubt(bench.index(sample, "sample"), weights)


def _articles(documents: Iterable[Document]) -> Iterator[dict[str, str]]:
    for document in documents:
        for number, passage in enumerate(document.passages):
            for language in LANGUAGES:
                identity = f"{language}/{document.name}/{number}"
                text = " ".join(passage[language])
                yield {"article_id": identity, "language": language, "text": text}


def _choices(assistant: rag.Assistant, asked: Sequence[Asked]) -> Iterator[Choice]:
    """Each question with its passage in one language; the other's, and what says the same, gone."""
    snapshot = assistant.store.snapshot()
    for question in asked:
        encoded = assistant.retriever.encode(question.text)
        found = {
            language: assistant.retriever.score_language(snapshot, language, encoded, None)
            for language in LANGUAGES
        }
        names = {
            row: article.article_id
            for rows in found.values()
            for row, (_, article) in snapshot.chunks(list(rows)).items()
        }
        same = _twins(question)
        for language in LANGUAGES:
            gold_name = f"{language}/{question.document.name}/{question.passage}"
            rows = [
                (found_in, scores)
                for found_in, some in found.items()
                for row, scores in some.items()
                if names[row] == gold_name or same not in names[row]
            ]
            gold = [
                number
                for number, (_, row) in enumerate(rows)
                if names[int(row["row"])] == gold_name
            ]
            if gold:
                yield Choice(
                    np.array([scores["calibrated"] for _, scores in rows]),
                    np.array(
                        [
                            (scores["lexical"], scores["names"], lang == question.language)
                            for lang, scores in rows
                        ],
                        float,
                    ),
                    gold[0],
                )


def _twins(question: Asked) -> str:
    """What the names of all passages that say the same as the right one share."""
    name = question.document.name
    # Paragraphs of an ARCD article repeat one another.
    return _group(name) if name.startswith("arcd") else f"/{name}/{question.passage}"


def _group(name: str) -> str:
    """What the names of all passages of a document's source share: an ARCD article has several."""
    kind, number, *_ = name.split("-")
    return f"/{kind}-{number}-" if kind == "arcd" else f"/{name}/"


def _say_weights(choices: Sequence[Choice]) -> None:
    def loss(values: Floats) -> float:
        total = 0.0
        for choice in choices:
            logits = values[3] * (choice.calibrated + choice.features @ values[:3])
            total += _missed(logits, choice.gold)
        return float(total / len(choices))

    fitted = minimize(loss, np.array([1.25, 1.8, -0.85, 2.0]), method="Nelder-Mead")
    lexical, names, home, _ = fitted.x
    _say(f"{len(choices)} choices: _LEXICAL {lexical:.2f}, _NAMES_ABROAD {names:.2f}, ")
    _say(f"_AT_HOME {home:.2f}; loss {fitted.fun:.4f}\n")


def _missed(logits: Floats, gold: int) -> float:
    """Negative log likelihood of the right one of several."""
    return float(np.logaddexp.reduce(logits) - logits[gold])


def _say_sentence(assistant: rag.Assistant, asked: Sequence[Asked]) -> None:
    """Weights of a sentence's features, which sum to 1."""
    choices: list[tuple[Floats, int, str]] = []
    for question in asked:
        encoded = assistant.retriever.encode(question.text)
        for pool in LANGUAGES:
            name = f"{pool}/{question.document.name}/{question.passage}"
            hits = assistant.search(question.text, k=1, filters=Filters(article_ids=(name,)))
            start = sum(
                len(sentence) + 1
                for sentence in question.document.passages[question.passage][pool][
                    : question.sentence
                ]
            )
            if not hits:
                continue
            readings = evidence.read(encoded, hits, assistant.store)
            spans, features = evidence.sentence_features(
                encoded, hits[0], next(iter(readings.values()), None), assistant.store
            )
            gold = [n for n, (a, b) in enumerate(spans) if a <= start < b]
            if gold and len(spans) > 1:
                choices.append((features.astype(float), gold[0], f"{question.language}>{pool}"))

    def loss(values: Floats) -> float:
        total = 0.0
        for features, gold, _ in choices:
            logits = features @ values
            total += _missed(logits, gold)
        return float(total / len(choices) + _RIDGE * values @ values)

    values = minimize(loss, np.array([20, 3, 1.4, 2.0]), method="BFGS").x
    _say(f"{len(choices)} passages: sentence {(values / values.sum()).round(2).tolist()}; right")
    for name in dict.fromkeys(name for _, _, name in choices):
        for how, weights in (("", values), (" unread", values * [1, 1, 1, 0])):
            right = [(f @ weights).argmax() == gold for f, gold, n in choices if n == name]
            _say(f" {name}{how} {np.mean(right):.3f}")
    _say("\n")


def _say_confidence(
    assistant: rag.Assistant, asked: Sequence[Asked], seeming: Sequence[Asked]
) -> evidence.Weights:
    rows: list[tuple[float, ...]] = []
    sorts: list[str] = []
    directions: list[str] = []
    for question in (*asked, *seeming):
        encoded = assistant.retriever.encode(question.text)
        same = _group(question.document.name)
        for pool in LANGUAGES:
            hits = assistant.search(question.text, k=_K, filters=Filters(languages=(pool,)))
            absent = [hit for hit in hits if same not in hit.article.article_id]
            cases = [("seeming", hits)]
            if question.sentence is not None:
                cases = [("present", hits), ("absent", absent)]
            for sort, found in cases:
                if found:
                    rows.append(_features(assistant, encoded, found))
                    sorts.append(sort)
                    directions.append(f"{question.language}>{pool}")
    features, sort_of, direction = np.array(rows), np.array(sorts), np.array(directions)
    fits = {}
    for name, rival in (("there", "absent"), ("answers", "seeming")):
        chosen = np.isin(sort_of, ["present", rival])
        fits[name] = logistic(features[chosen], sort_of[chosen] == "present")
        _say(f"{chosen.sum()} cases: {name} {np.round(fits[name], 2).tolist()}\n")
    weights = replace(evidence.READ, there=fits["there"], answers=fits["answers"])
    sure = np.array([evidence.certainty(weights, row) for row in rows])
    _say("AUROC")
    for name in dict.fromkeys(directions):
        for rival in ("absent", "seeming"):
            chosen = (direction == name) & np.isin(sort_of, ["present", rival])
            value = metrics.auroc(sure[chosen], sort_of[chosen] == "present")
            _say(f" {name} {rival} {value:.3f}")
    _say("\n")
    return weights


def _features(
    assistant: rag.Assistant, encoded: EncodedQuery, hits: Sequence[Hit]
) -> tuple[float, ...]:
    store = assistant.store
    readings = evidence.read(encoded, hits, store)
    return evidence.confidence_features(encoded, hits, readings, store.snapshot())


def logistic(features: Floats, truth: npt.NDArray[np.bool_]) -> tuple[float, ...]:
    """Weights of a logistic regression with next to no ridge, the constant last."""
    fitted = LogisticRegression(C=1 / _RIDGE, max_iter=10_000).fit(features, truth)
    return (*fitted.coef_[0].tolist(), float(fitted.intercept_[0]))


def _say_doubt(assistant: rag.Assistant, weights: evidence.Weights) -> None:
    sure = []
    for case in sample_dataset().cases:
        if case.answerable and case.split == "dev":
            encoded = assistant.retriever.encode(case.question)
            features = _features(assistant, encoded, assistant.search(case.question))
            sure.append(evidence.certainty(weights, features))
    doubt = float(np.quantile(sure, _REFUSED))
    _say(f"{len(sure)} answerable dev questions of the sample: doubt {doubt:.3f}\n")


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
