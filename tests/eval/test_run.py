import json

import pytest

from eval.questions import Case, read_questions, sample_questions
from eval.run import judge
from index.errors import SourceError
from index.types import Article
from rag.types import Answer, Citation

TEXT = "It opened. It is 68 metres high."
ARTICLES = {
    "a": Article("a", "en", "T", TEXT, source="Post"),
    "b": Article("b", "en", "T", "Other."),
}


def case(language="en", evidence="It is 68 metres high."):
    return Case("1", "number", language, "How high?", "68", ("a",), evidence)


def answer(article_id="a", start=11, end=32, quote=None, own_words="According to Post"):
    quote = TEXT[start:end] if quote is None else quote
    citation = Citation(1, article_id, "c", "T", "Post", "", "", "en", quote, start, end)
    return Answer("q", "en", f"{own_words}: “{quote}” [1]", (citation,), (), False, 0.9, "x")


def test_a_right_answer_has_everything_right():
    assert judge(case(), answer(), ARTICLES) == {
        "right_article": 1,
        "right_sentence": 1,
        "refused": 0,
        "verbatim": 1,
        "right_language": 1,
    }


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (answer(start=0, end=10), {"right_sentence"}),
        (answer("b", 0, 6, quote="Other."), {"right_article", "right_sentence"}),
        (answer(quote="It is 69 metres high."), {"right_sentence", "verbatim"}),
        (answer(own_words="بحسب الصحيفة"), {"right_language"}),
    ],
)
def test_each_fault_moves_its_own_measures(given, wrong):
    measured = judge(case(), given, ARTICLES)
    assert {name for name, value in measured.items() if not value} - {"refused"} == wrong


def test_the_bundled_questions_fit_the_bundled_articles(fake_sample):
    texts = {article.article_id: article.text for article in fake_sample.articles()}
    cases = sample_questions()
    assert len(cases) >= 400
    assert sum(not c.answerable for c in cases) >= len(cases) / 5
    assert len({c.case_id for c in cases}) == len(cases)
    for one in cases:
        assert all(article_id in texts for article_id in one.article_ids)
        assert not one.answerable or one.evidence in texts[one.article_ids[0]]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "Expecting value"),
        ("{}", "case_id: Field required"),
        ('{"case_id": "1", "question": {"fr": "x"}}', "question.fr"),
        ('{"case_id": "1", "question": {"en": "x"}, "colour": 1}', "colour"),
        ('{"case_id": "1", "question": {"en": "x"}, "evidence": "y"}', "no 'article_ids'"),
    ],
)
def test_a_broken_line_is_named(tmp_path, line, reason):
    path = tmp_path / "q.jsonl"
    good = json.dumps({"case_id": "0", "question": {"en": "Who?", "ar": "من؟"}})
    path.write_text(f"{good}\n\n{line}\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"q\.jsonl:3: .*") as caught:
        read_questions(path)
    assert reason in str(caught.value)


def test_a_file_without_questions_is_refused(tmp_path):
    (tmp_path / "q.jsonl").write_text("\n")
    with pytest.raises(SourceError, match="holds no questions"):
        read_questions(tmp_path / "q.jsonl")
    with pytest.raises(SourceError, match="cannot be read"):
        read_questions(tmp_path / "nowhere.jsonl")
