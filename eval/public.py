"""Reads public benchmarks in the files that they come in: SQuAD-shaped, NoMIRACL and BEIR."""

import csv
import gzip
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from eval.dataset import Case, Dataset, Gold, grouped
from index.errors import SourceError
from index.normalize import detect_language
from index.sentences import split_sentences
from index.types import Article, Language

_ARABIC = re.compile(r"[\u0620-\u064a]")


def read_lines(path: Path) -> Iterator[str]:
    """Lines of a file, unpacked if it is gzip.

    Raises:
        SourceError: It cannot be read as UTF-8 text.
    """
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8-sig", newline="\n") as file:
            yield from file
    except (OSError, UnicodeDecodeError, EOFError, zlib.error) as error:
        raise SourceError(f"{path}: cannot be read as UTF-8 text ({error})") from error


def read_squad(set_name: str, paths: Sequence[Path]) -> Dataset:
    """SQuAD 1.1 and 2.0, XQuAD, MLQA, TyDi (gold passage), ARCD: each paragraph is an article.

    Questions of the same id in several files are translations: each one's gold is in all of them.

    Raises:
        SourceError: A file is not so shaped, or an answer starts outside its paragraph.
    """
    articles: dict[str, Article] = {}
    by_text: dict[str, Article] = {}
    found: list[tuple[str, Language, dict[str, Any], str]] = []
    golds: dict[str, list[tuple[Article, dict[str, Any]]]] = {}
    for path in paths:
        given: Counter[str] = Counter()
        for title, article, qas in _paragraphs(path):
            article = by_text.setdefault(article.text, article)
            articles[article.article_id] = article
            for qa in qas:
                # An Arabic question may be mostly Latin names.
                language: Language = "ar" if _ARABIC.search(qa["question"]) else "en"
                # ARCD and others give an id twice in a file.
                given[qa["id"]] += 1
                name = qa["id"] if given[qa["id"]] == 1 else f"{qa['id']}-{given[qa['id']]}"
                found.append((name, language, qa, title))
                if qa.get("answers"):
                    golds.setdefault(name, []).append((article, qa["answers"][0]))
    if not found:
        raise SourceError(f"{set_name}: holds no questions")
    cases = []
    for name, language, qa, title in found:
        own = golds.get(name, []) if qa.get("answers") else []
        texts: dict[Language, tuple[str, ...]] = {}
        for article, answer in own:
            texts[article.language] = (*texts.get(article.language, ()), answer["text"])
        for answer in qa.get("answers", ()):
            texts[language] = (*texts.get(language, ()), answer["text"])
        cases.append(
            Case(
                case_id=f"{name}.{language}",
                kind="fact" if own else "unanswerable",
                language=language,
                question=qa["question"],
                answers={name: tuple(dict.fromkeys(found)) for name, found in texts.items()},
                article_ids=tuple(dict.fromkeys(article.article_id for article, _ in own)),
                evidence=tuple(dict.fromkeys(_sentence(*gold) for gold in own)),
                group=title,
            )
        )
    if len({case.case_id for case in cases}) < len(cases):
        raise SourceError(f"{set_name}: two files hold the same questions in the same language")
    return Dataset(set_name, tuple(cases), tuple(articles.values()))


def _paragraphs(path: Path) -> Iterator[tuple[str, Article, list[dict[str, Any]]]]:
    try:
        data = json.loads("".join(read_lines(path)))["data"]
        for number, entry in enumerate(data):
            for at, paragraph in enumerate(entry["paragraphs"]):
                text = paragraph["context"]
                article = Article(
                    article_id=f"{path.stem}-{number}-{at}",
                    language=detect_language(text),
                    title=str(entry.get("title", "")),
                    text=text,
                )
                for qa in paragraph["qas"]:
                    for answer in qa.get("answers", ()):
                        answer["answer_start"] = _start(text, answer)
                        if not 0 <= answer["answer_start"] < len(text):
                            raise SourceError(
                                f"{path}: an answer of question {qa['id']!r} starts outside its "
                                "paragraph; correct answer_start"
                            )
                    _ = qa["question"] + str(qa["id"])
                # Translations of one article are one group, whatever their titles.
                yield str(number), article, paragraph["qas"]
    except (json.JSONDecodeError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise SourceError(
            f"{path}: is not SQuAD-shaped JSON ({type(error).__name__}: {error}); wanted "
            "data, paragraphs, context, qas, question, id, answers with text and answer_start"
        ) from error


def _start(text: str, answer: dict[str, Any]) -> int:
    """Where the answer stands nearest to where it is said to; ARCD's offsets are often off."""
    said = int(answer["answer_start"])
    places = [match.start() for match in re.finditer(re.escape(answer["text"].strip()), text)]
    return min(places, key=lambda at: abs(at - said), default=said)


def _sentence(article: Article, answer: dict[str, Any]) -> Gold:
    start = answer["answer_start"]
    spans = split_sentences(article.text, article.language)
    first, last = next(((a, b) for a, b in spans if a <= start < b), (0, len(article.text)))
    return Gold(article.article_id, article.text[first:last])


def read_folder(folder: Path) -> Dataset:
    """A BEIR folder, or one language's folder of NoMIRACL.

    Raises:
        SourceError: It is neither, or a file in it is not as it should be.
    """
    if (folder / "topics").is_dir():
        return _read_nomiracl(folder)
    if (folder / "queries.jsonl").exists():
        return _read_beir(folder)
    raise SourceError(
        f"{folder}: is neither a BEIR folder (corpus.jsonl, queries.jsonl, qrels/) nor a NoMIRACL "
        "one (corpus.jsonl.gz, topics/, qrels/)"
    )


def _read_nomiracl(folder: Path) -> Dataset:
    """One language's folder of NoMIRACL (Thakur et al., 2024); "non_relevant" is unanswerable."""
    articles = _corpus(folder, "docid")
    cases = []
    for topics in sorted((folder / "topics").glob("*.tsv")):
        split, _, subset = topics.stem.partition(".")
        qrels = _qrels(folder / "qrels" / topics.name)
        for row in csv.reader(read_lines(topics), delimiter="\t", quoting=csv.QUOTE_NONE):
            if len(row) < 2:
                raise SourceError(f"{topics}: a line is not 'qid<TAB>query': {row!r}")
            golds = qrels.get(row[0], ()) if subset == "relevant" else ()
            cases.append(_ranking_case(f"{topics.stem}-{row[0]}", row[1], golds, split))
    return _ranking_dataset(folder, cases, articles)


def _read_beir(folder: Path) -> Dataset:
    """A BEIR folder (Thakur et al., 2021): which documents answer is known, not where."""
    articles = _corpus(folder, "_id")
    questions = {
        str(row["_id"]): row["text"] for row in _json_rows(folder / "queries.jsonl", "_id", "text")
    }
    cases = []
    for qrels in sorted((folder / "qrels").glob("*.tsv")):
        for question_id, golds in _qrels(qrels).items():
            if not golds:  # judged, and nothing found relevant
                continue
            if question_id not in questions:
                raise SourceError(f"{qrels}: query {question_id!r} is not in queries.jsonl")
            name = f"{qrels.stem}-{question_id}"
            cases.append(_ranking_case(name, questions[question_id], golds, qrels.stem))
    return _ranking_dataset(folder, cases, articles)


def _ranking_case(name: str, question: str, golds: Sequence[str], split: str) -> Case:
    language = detect_language(question)
    split = split if split in ("dev", "test") else ""
    kind = "fact" if golds else "unanswerable"
    return Case(f"{name}.{language}", kind, language, question, {}, tuple(golds), split=split)


def _ranking_dataset(folder: Path, cases: Sequence[Case], articles: dict[str, Article]) -> Dataset:
    if not cases:
        raise SourceError(f"{folder}: holds no questions")
    about = {case.case_id: case.article_ids for case in cases}
    return Dataset(folder.name, grouped(cases, about), tuple(articles.values()))


def _corpus(folder: Path, key: str) -> dict[str, Article]:
    names = ("corpus.jsonl.gz", "corpus.jsonl")
    path = next((folder / name for name in names if (folder / name).exists()), None)
    if path is None:
        raise SourceError(f"{folder}: has no corpus.jsonl or corpus.jsonl.gz")
    articles = {}
    for row in _json_rows(path, key, "text"):
        text = row["text"]
        article_id = str(row[key])
        articles[article_id] = Article(
            article_id, detect_language(text), str(row.get("title") or ""), text
        )
    return articles


def _json_rows(path: Path, *wanted: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise SourceError(f"{path}:{number}: is not JSON ({error})") from error
        if not isinstance(row, dict) or not all(isinstance(row.get(n), str) for n in wanted):
            raise SourceError(f"{path}:{number}: lacks one of {', '.join(wanted)}, as text")
        yield row


def _qrels(path: Path) -> dict[str, tuple[str, ...]]:
    """Relevant documents by question: TREC's four columns, or BEIR's three with a header."""
    golds: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(read_lines(path), 1):
        parts = line.split()
        if not parts or (number == 1 and not re.fullmatch(r"-?\d+", parts[-1])):
            continue
        if len(parts) not in (3, 4) or not re.fullmatch(r"-?\d+", parts[-1]):
            raise SourceError(f"{path}:{number}: is not 'qid [Q0] docid relevance': {line!r}")
        known = golds.setdefault(parts[0], ())
        if int(parts[-1]) > 0:
            golds[parts[0]] = (*known, parts[-2])
    return golds
