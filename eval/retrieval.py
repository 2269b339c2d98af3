"""Retrieval, evidence and refusal on public data, as one Markdown table.

    python -m eval.retrieval DATA --report docs/retrieval.md

Weights and thresholds were fitted on ARCD, SQuAD paragraphs outside XQuAD, NTREX, MKQA and the
sample articles; XQuAD is only reported on. NTREX and ARCD rows are in-sample, and marked so.
"""

import argparse
import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

import rag
from eval import metrics
from eval.intervals import Rows, bootstrap, mean_interval
from index.encoder import open_encoder, unit
from index.ingest import index_sources
from index.sentences import split_sentences
from index.types import LANGUAGES, Filters, Hit, Language
from rag.evidence import confidence, read
from rag.retrieve import EncodedQuery
from rag.settings import Settings, load_settings

Scores = npt.NDArray[np.float64]

_K = 10


@dataclass(frozen=True, slots=True)
class Question:
    """One XQuAD question: `paragraph` counts both languages alike, `group` is its article.

    `answer_starts` says where the answer stands in the paragraph of each language.
    """

    language: Language
    text: str
    paragraph: int
    group: str
    answer_starts: dict[Language, int]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a mean with its 95% interval over articles."""

    task: str
    measure: str
    value: float
    low: float
    high: float
    baseline: str = ""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the data lies, where indexes are made, and with what settings."""

    data: Path
    folder: Path
    settings: Settings

    def index(self, articles: Sequence[dict[str, str]], name: str) -> rag.Assistant:
        """The articles indexed, and opened."""
        place = self.folder / name
        place.mkdir(parents=True)
        lines = (json.dumps(article, ensure_ascii=False) for article in articles)
        (place / "articles.jsonl").write_text("\n".join(lines), encoding="utf-8")
        encoder = open_encoder(
            self.settings.encoder, self.settings.cache, self.settings.encoder_backend
        )
        index_sources([place / "articles.jsonl"], place / "index", encoder)
        return rag.open(place / "index", self.settings)


def main() -> None:
    """Measures everything and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with xquad/, ntrex/ and arcd/")
    parser.add_argument("--report", type=Path, help="where to write the Markdown table")
    parser.add_argument("--limit", type=int, default=0, help="only every so many questions")
    parser.add_argument("--encoder", help="another encoder than the settings'")
    arguments = parser.parse_args()
    step = max(1, arguments.limit)
    with tempfile.TemporaryDirectory(prefix="burhan-eval-") as name:
        settings = load_settings(min_confidence=0, n_evidence=1, encoder=arguments.encoder)
        bench = Bench(arguments.data, Path(name), settings)
        rows = [*measure_xquad(bench, step), *measure_ntrex(bench), *measure_arcd(bench, step)]
    table = as_markdown(rows)
    print(table)
    if arguments.report:
        arguments.report.write_text(table, encoding="utf-8")


def measure_xquad(bench: Bench, step: int) -> list[Row]:
    """All of XQuAD in one mixed index: ranking, evidence and refusal in four directions."""
    paragraphs, questions = _read_xquad(bench.data)
    articles = [
        {"article_id": f"{language}-{i}", "language": language, "text": text}
        for language in LANGUAGES
        for i, text in enumerate(paragraphs[language])
    ]
    assistant = bench.index(articles, "xquad")
    questions = questions[::step]
    rows: list[Row] = []
    for language in LANGUAGES:
        asked = [q for q in questions if q.language == language]
        rows += _measure_language(assistant, asked, paragraphs)
    rows += _naive_rows(assistant, questions, paragraphs)
    return rows


def _measure_language(
    assistant: rag.Assistant, questions: Sequence[Question], paragraphs: dict[Language, list[str]]
) -> list[Row]:
    home = questions[0].language
    abroad: Language = "en" if home == "ar" else "ar"
    groups = [q.group for q in questions]
    mixed = [_ranked(assistant.search(q.text, k=3 * _K)) for q in questions]
    gold_home = [f"{home}-{q.paragraph}" for q in questions]
    gold_abroad = [f"{abroad}-{q.paragraph}" for q in questions]
    without = [[i for i in ids if i != g] for ids, g in zip(mixed, gold_home, strict=True)]
    rows = [
        *_ranking_rows(
            f"mixed index, {home} question, gold in {abroad} only", without, gold_abroad, groups
        ),
        *_ranking_rows(
            f"mixed index, {home} question, gold in {home} first", mixed, gold_home, groups
        ),
    ]
    for pool, gold in ((home, gold_home), (abroad, gold_abroad)):
        filters = Filters(languages=(pool,))
        hits = [assistant.search(q.text, k=3 * _K, filters=filters) for q in questions]
        ranked = [_ranked(found) for found in hits]
        rows += _ranking_rows(f"{pool} pool, {home} question", ranked, gold, groups)
        articles = _whole_articles(questions, pool)
        rows.append(_refusal_row(assistant, f"{home}->{pool}", questions, hits, articles))
        rows.append(_evidence_row(assistant, questions, pool, paragraphs[pool]))
    return rows


def _ranking_rows(
    task: str, ranked: Sequence[Sequence[str]], gold: Sequence[str], groups: Sequence[str]
) -> list[Row]:
    ranks = np.array([_rank(ids, g) for ids, g in zip(ranked, gold, strict=True)], float)
    measures: dict[str, Scores] = {
        "nDCG@10": np.where(ranks < _K, 1 / np.log2(ranks + 2), 0.0),
        "R@1": (ranks < 1).astype(float),
        "R@5": (ranks < 5).astype(float),
    }
    return [Row(task, name, *mean_interval(values, groups)) for name, values in measures.items()]


def _whole_articles(questions: Sequence[Question], pool: Language) -> list[set[str]]:
    """Every paragraph of each question's Wikipedia article, any of which may tell the answer."""
    members: dict[str, set[str]] = {}
    for question in questions:
        members.setdefault(question.group, set()).add(f"{pool}-{question.paragraph}")
    return [members[question.group] for question in questions]


def _refusal_row(
    assistant: rag.Assistant,
    direction: str,
    questions: Sequence[Question],
    hits: Sequence[Sequence[Hit]],
    gold: Sequence[set[str]],
) -> Row:
    """AUROC of the confidence with the gold article there against with it taken away."""
    store = assistant.store

    def sure(query: EncodedQuery, found: Sequence[Hit]) -> float:
        return confidence(query, found, read(query, found, store), store.snapshot())

    encoded = [assistant.retriever.encode(q.text) for q in questions]
    present = [sure(q, found) for q, found in zip(encoded, hits, strict=True)]
    absent = [
        sure(q, [h for h in found if h.article.article_id not in g])
        for q, found, g in zip(encoded, hits, gold, strict=True)
    ]
    scores = np.array([present, absent])

    def auroc(rows: Rows) -> float:
        chosen = scores[:, rows]
        return metrics.auroc(chosen.ravel(), np.arange(2 * len(rows)) < len(rows))

    groups = [q.group for q in questions]

    return Row(f"refusal, {direction}", "AUROC", *bootstrap(auroc, groups))


def _evidence_row(
    assistant: rag.Assistant,
    questions: Sequence[Question],
    pool: Language,
    paragraphs: Sequence[str],
) -> Row:
    """Share of questions whose first quote, out of the given gold paragraph, holds the answer."""
    right = []
    for question in questions:
        article_id = f"{pool}-{question.paragraph}"
        evidence = assistant.ask(question.text, filters=Filters(article_ids=(article_id,))).evidence
        gold = _gold_sentence(question, pool, paragraphs)
        right.append(float(evidence[0].start < gold[1] and gold[0] < evidence[0].end))
    groups = [q.group for q in questions]
    task = f"evidence sentence first, {questions[0].language}->{pool}"
    return Row(task, "accuracy", *mean_interval(np.array(right), groups))


def _naive_rows(
    assistant: rag.Assistant, questions: Sequence[Question], paragraphs: dict[Language, list[str]]
) -> list[Row]:
    """What cosine similarity of the same encoder's vectors gives, with nothing done to them."""
    encoder = assistant.store.encoder
    ids = [f"{lang}-{i}" for lang in LANGUAGES for i in range(len(paragraphs[lang]))]
    texts = [text for lang in LANGUAGES for text in paragraphs[lang]]
    passages = np.stack([e.vector for e in encoder.encode(texts, "passage")])
    vectors = np.stack([e.vector for e in encoder.encode([q.text for q in questions], "query")])
    order = np.argsort(-(unit(vectors) @ unit(passages).T), axis=1)
    rows = []
    for home in LANGUAGES:
        abroad = "en" if home == "ar" else "ar"
        chosen = [i for i, q in enumerate(questions) if q.language == home]
        ranked = [
            [ids[j] for j in order[i] if ids[j] != f"{home}-{questions[i].paragraph}"]
            for i in chosen
        ]
        gold = [f"{abroad}-{questions[i].paragraph}" for i in chosen]
        groups = [questions[i].group for i in chosen]
        task = f"naive dense: mixed index, {home} question, gold in {abroad} only"
        rows += _ranking_rows(task, ranked, gold, groups)
    return rows


def measure_ntrex(bench: Bench) -> list[Row]:
    """A document's headline finds its body in either language; the other body taken away."""
    documents = [json.loads(line) for line in _lines(bench.data / "ntrex/docs.jsonl")]
    articles = [
        {"article_id": f"{lang}-{i}", "language": lang, "text": "\n".join(document[lang][1:])}
        for i, document in enumerate(documents)
        for lang in LANGUAGES
    ]
    assistant = bench.index(articles, "ntrex")
    rows = []
    for home in LANGUAGES:
        for pool in LANGUAGES:
            filters = Filters(languages=(pool,))
            ranked = [
                _ranked(assistant.search(document[home][0], k=_K, filters=filters))
                for document in documents
            ]
            gold = [f"{pool}-{i}" for i in range(len(documents))]
            task = f"NTREX headline to body, {home}->{pool} (in-sample)"
            rows.append(_ranking_rows(task, ranked, gold, gold)[1])
    return rows


def measure_arcd(bench: Bench, step: int) -> list[Row]:
    """ARCD: Arabic questions on 465 Arabic paragraphs."""
    paragraphs: dict[str, str] = {}
    asked: list[tuple[str, str, str]] = []
    for article in json.loads((bench.data / "arcd/arcd.json").read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            identity = paragraphs.setdefault(paragraph["context"], f"p{len(paragraphs)}")
            asked += [(qa["question"], identity, article["title"]) for qa in paragraph["qas"]]
    articles = [
        {"article_id": identity, "language": "ar", "text": text}
        for text, identity in paragraphs.items()
    ]
    assistant = bench.index(articles, "arcd")
    asked = asked[::step]
    ranked = [_ranked(assistant.search(question, k=_K)) for question, _, _ in asked]
    gold, groups = [identity for _, identity, _ in asked], [group for _, _, group in asked]
    return _ranking_rows("ARCD, ar->ar (in-sample)", ranked, gold, groups)[:1]


def as_markdown(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| task | measure | value | 95% interval |", "|---|---|---|---|"]
    lines += [
        f"| {row.task} | {row.measure} | {row.value:.3f} | {row.low:.3f} to {row.high:.3f} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _ranked(hits: Sequence[Hit]) -> list[str]:
    """Article ids in order, each once."""
    return list(dict.fromkeys(hit.article.article_id for hit in hits))


def _rank(ids: Sequence[str], gold: str) -> float:
    return float(ids.index(gold)) if gold in ids else np.inf


def _read_xquad(data: Path) -> tuple[dict[Language, list[str]], list[Question]]:
    paragraphs: dict[Language, list[str]] = {language: [] for language in LANGUAGES}
    starts: dict[str, dict[Language, int]] = {}
    questions = []
    for language in LANGUAGES:
        read = json.loads((data / f"xquad/xquad.{language}.json").read_text(encoding="utf-8"))
        for number, article in enumerate(read["data"]):
            for paragraph in article["paragraphs"]:
                for qa in paragraph["qas"]:
                    answer = starts.setdefault(qa["id"], {})
                    answer[language] = qa["answers"][0]["answer_start"]
                    i = len(paragraphs[language])
                    question = Question(language, qa["question"], i, str(number), answer)
                    questions.append(question)
                paragraphs[language].append(paragraph["context"])
    return paragraphs, questions


def _gold_sentence(
    question: Question, pool: Language, paragraphs: Sequence[str]
) -> tuple[int, int]:
    """Span of the sentence of the paragraph that holds the answer."""
    text = paragraphs[question.paragraph]
    start = question.answer_starts[pool]
    return next((s, e) for s, e in split_sentences(text, pool) if s <= start < e)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    main()
