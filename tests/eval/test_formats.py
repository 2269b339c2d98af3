import gzip
import json
from collections import Counter
from dataclasses import replace

import pytest

from eval.baselines import BM25
from eval.dataset import check_golds
from eval.formats import read_dataset, sample_dataset
from eval.metrics import ranking
from index.errors import SourceError
from tests.conftest import SHARED


def write_lines(path, *rows):
    lines = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_the_bundled_set_is_as_it_should_be():
    dataset = sample_dataset()
    check_golds(dataset, {article.article_id: article for article in dataset.articles})
    ids = {case.case_id.rsplit(".", 1)[0] for case in dataset.cases}
    assert len(ids) >= 240
    assert len(dataset.cases) == 2 * len(ids)
    unanswerable = sum(not case.answerable for case in dataset.cases)
    assert unanswerable >= len(dataset.cases) / 4
    kinds = Counter(case.kind for case in dataset.cases)
    assert {"who", "when", "number", "why", "comparison", "several", "unanswerable"} <= set(kinds)
    for case in dataset.cases:
        assert case.answerable == (case.kind != "unanswerable")
        if case.answerable:
            assert set(case.answers) == {"ar", "en"}
            assert {gold.article_id for gold in case.evidence} == set(case.article_ids)


def test_its_parts_share_no_article():
    dataset = sample_dataset()
    parts = {split: dataset.only(split, None) for split in ("dev", "test")}
    used = {
        split: {article for case in part.cases for article in case.article_ids}
        for split, part in parts.items()
    }
    assert not used["dev"] & used["test"]
    groups = {split: {case.group for case in part.cases} for split, part in parts.items()}
    assert not groups["dev"] & groups["test"]
    assert len(groups["test"]) >= 10


def test_a_limit_takes_questions_in_all_their_languages():
    dataset = sample_dataset().only("test", 10)
    ids = Counter(case.case_id.rsplit(".", 1)[0] for case in dataset.cases)
    assert len(ids) == 10
    assert set(ids.values()) == {2}


ROW = {
    "case_id": "q1",
    "question": {"ar": "متى؟", "en": "When?"},
    "answer": {"en": "in May"},
    "article_ids": ["a"],
    "evidence": [{"article_id": "a", "quote": "It opened in May."}],
}


def test_our_own_format(tmp_path):
    dataset = read_dataset([write_lines(tmp_path / "q.jsonl", ROW)])
    arabic, english = dataset.cases
    assert (arabic.case_id, english.case_id) == ("q1.ar", "q1.en")
    assert english.answers == {"en": ("in May",)}
    assert english.evidence[0].quote == "It opened in May."
    assert arabic.group == english.group == "a"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "Expecting value"),
        ("{}", "case_id: Field required"),
        ('{"case_id": "1", "question": {"fr": "x"}}', "question.fr"),
        ('{"case_id": "1", "question": {"en": "x"}, "colour": 1}', "colour"),
        (json.dumps(ROW), "was there before"),
        ('{"case_id": "1", "question": {"en": "x"}, "answer": {"en": "y"}}', "no 'article_ids'"),
        (
            '{"case_id": "1", "question": {"en": "x"}, "answer": {"en": " "},'
            ' "article_ids": ["a"]}',
            "an answer is blank",
        ),
        (
            '{"case_id": "1", "question": {"en": "x"},'
            ' "evidence": [{"article_id": "a", "quote": "y"}]}',
            "which 'article_ids' does not",
        ),
    ],
)
def test_a_broken_line_is_named(tmp_path, line, reason):
    path = write_lines(tmp_path / "q.jsonl", ROW, "", line)
    with pytest.raises(SourceError, match=r"q\.jsonl:3: .*") as caught:
        read_dataset([path])
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_dataset_is_refused(tmp_path):
    (tmp_path / "q.jsonl").write_text("\n")
    with pytest.raises(SourceError, match="holds no questions"):
        read_dataset([tmp_path / "q.jsonl"])
    with pytest.raises(SourceError, match="no such file"):
        read_dataset([tmp_path / "nowhere.jsonl"])
    with pytest.raises(SourceError, match="neither a BEIR folder"):
        read_dataset([tmp_path])
    (tmp_path / "s.json").write_text('{"data": [{"paragraphs": [{}]}]}')
    with pytest.raises(SourceError, match=r"s\.json: is not SQuAD-shaped JSON \(KeyError"):
        read_dataset([tmp_path / "s.json"])


TEXTS = {
    "en": "The dam opened in May. It is 68 metres high.",
    "ar": "افتُتح السد في أيار. ويبلغ ارتفاعه 68 متراً.",
}


def write_squad(path, language, question, answer):
    text = TEXTS[language]
    answers = [{"text": answer, "answer_start": text.index(answer)}]
    qas = [{"id": "1", "question": question, "answers": answers}]
    if language == "en":
        qas.append({"id": "2", "question": "Who drew it?", "answers": [], "is_impossible": True})
    paragraphs = [{"context": text, "qas": qas}]
    path.write_text(json.dumps({"data": [{"title": "Dam", "paragraphs": paragraphs}]}))
    return path


def test_parallel_squad_files_make_one_mixed_set(tmp_path):
    dataset = read_dataset(
        [
            write_squad(tmp_path / "x.ar.json", "ar", "كم يبلغ ارتفاع السد؟", "68 متراً"),
            write_squad(tmp_path / "x.en.json", "en", "How high is the dam?", "68 metres"),
        ]
    )
    arabic, english, impossible = dataset.cases
    assert (arabic.language, english.language) == ("ar", "en")
    assert arabic.article_ids == english.article_ids == ("x.ar-0-0", "x.en-0-0")
    assert {gold.quote for gold in english.evidence} == {
        "It is 68 metres high.",
        "ويبلغ ارتفاعه 68 متراً.",
    }
    assert english.answers == {"ar": ("68 متراً",), "en": ("68 metres",)}
    assert not impossible.answerable
    assert arabic.group == english.group
    check_golds(dataset, {article.article_id: article for article in dataset.articles})


def test_an_answer_outside_its_paragraph_is_named(tmp_path):
    path = write_squad(tmp_path / "x.json", "en", "How high is the dam?", "68 metres")
    whole = path.read_text()
    path.write_text(whole.replace('"answer_start": 29', '"answer_start": 3'))
    assert read_dataset([path]).cases[0].evidence[0].quote == "It is 68 metres high."
    moved = whole.replace('"answer_start": 29', '"answer_start": 290')
    path.write_text(moved.replace('"68 metres"', '"70 metres"'))
    with pytest.raises(SourceError, match="question '1' starts outside its paragraph"):
        read_dataset([path])


@pytest.mark.shared_data
def test_xquad_and_arcd_as_they_come():
    if not SHARED.exists():
        pytest.skip("the shared data folder is not here")
    xquad = read_dataset([SHARED / "xquad" / f"xquad.{name}.json" for name in ("ar", "en")])
    assert len(xquad.cases) == 2_380
    assert all(len(case.article_ids) == 2 for case in xquad.cases)
    few = xquad.only("test", 101)
    assert len({case.case_id.rsplit(".", 1)[0] for case in few.cases}) == 101
    assert len(few.cases) == 202
    arcd = read_dataset([SHARED / "arcd" / "arcd.json"])
    assert len(arcd.cases) == 1_395
    assert all(len(case.article_ids) == 1 for case in arcd.cases)


@pytest.mark.shared_data
def test_bm25_measures_what_others_measure():
    """RESEARCH.md has .889 for plain BM25 on Arabic XQuAD."""
    if not SHARED.exists():
        pytest.skip("the shared data folder is not here")
    dataset = read_dataset([SHARED / "xquad" / "xquad.ar.json"])
    bm25 = BM25([replace(article, title="") for article in dataset.articles])
    ranked = {case.case_id: bm25.rank(case.question, ["ar"]) for case in dataset.cases}
    golds = {case.case_id: case.article_ids for case in dataset.cases}
    found = ranking(ranked, golds)["nDCG@10"]
    assert sum(found.values()) / len(found) == pytest.approx(0.889, abs=0.01)


def test_a_beir_folder(tmp_path):
    write_lines(tmp_path / "corpus.jsonl", {"_id": "d1", "title": "T", "text": TEXTS["en"]})
    write_lines(tmp_path / "queries.jsonl", {"_id": "q1", "text": "How high is the dam?"})
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    dataset = read_dataset([tmp_path])
    (case,) = dataset.cases
    assert (case.case_id, case.article_ids, case.split) == ("test-q1.en", ("d1",), "test")
    (tmp_path / "qrels" / "test.tsv").write_text("q9\td1\t1\n")
    with pytest.raises(SourceError, match=r"'q9' is not in queries\.jsonl"):
        read_dataset([tmp_path])


def test_a_nomiracl_folder(tmp_path):
    with gzip.open(tmp_path / "corpus.jsonl.gz", "wt") as file:
        for n, text in enumerate(TEXTS.values()):
            file.write(json.dumps({"docid": f"d{n}", "title": "", "text": text}) + "\n")
    for folder in ("topics", "qrels"):
        (tmp_path / folder).mkdir()
    (tmp_path / "topics" / "dev.relevant.tsv").write_text("1\tكم يبلغ ارتفاع السد؟\n")
    (tmp_path / "qrels" / "dev.relevant.tsv").write_text("1\tQ0\td1\t1\n1\tQ0\td0\t0\n")
    (tmp_path / "topics" / "dev.non_relevant.tsv").write_text('2\tمن رسم "السد"؟\n')
    (tmp_path / "qrels" / "dev.non_relevant.tsv").write_text("2\tQ0\td1\t0\n")
    dataset = read_dataset([tmp_path])
    cases = {case.case_id: case for case in dataset.cases}
    assert cases["dev.relevant-1.ar"].article_ids == ("d1",)
    assert not cases["dev.non_relevant-2.ar"].answerable
    assert cases["dev.non_relevant-2.ar"].question == 'من رسم "السد"؟'


def test_what_users_liked_is_a_set(tmp_path):
    gold = {"article_id": "a", "quote": "It opened in May.", "start": 0, "marker": 1}
    rows = [
        {"question": "When?", "rating": "up", "comment": "", "citations": [gold]},
        {"question": "Who?", "rating": "down", "citations": [gold]},
    ]
    (case,) = read_dataset([write_lines(tmp_path / "f.jsonl", *rows)]).cases
    assert (case.question, case.article_ids) == ("When?", ("a",))
    with pytest.raises(SourceError, match="nothing to measure by"):
        read_dataset([write_lines(tmp_path / "f.jsonl", rows[1])])
