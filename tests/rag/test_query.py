import pytest

from index.types import Article, Filters
from rag.query import make_query, standalone
from rag.types import Turn

LONG = "x" * 100_000


@pytest.mark.parametrize("question", ["", "  \n", "؟", "!?"])
def test_an_empty_question_is_refused(question):
    with pytest.raises(ValueError, match="empty"):
        make_query(question, max_chars=100)


def test_a_long_question_is_refused():
    with pytest.raises(ValueError, match=r"100,000 characters, the limit is 2,000"):
        make_query(LONG, max_chars=2_000)


def test_the_question_decides_the_language():
    assert make_query("متى افتتح السد؟", max_chars=100).language == "ar"
    assert make_query("When did the dam open?", max_chars=100).language == "en"
    assert make_query("When?", max_chars=100, language="ar").language == "ar"
    with pytest.raises(ValueError, match="'fr' is not one of"):
        make_query("Quand?", max_chars=100, language="fr")


@pytest.mark.parametrize(
    ("question", "leans"),
    [
        ("And when did it open?", True),
        ("ومتى افتتح؟", True),
        ("Why?", True),
        ("What about the cost?", True),
        ("How high is the Shumar dam?", False),
        ("كم يبلغ ارتفاع سد شمر؟", False),
    ],
)
def test_a_question_that_leans_takes_the_one_before_along(question, leans):
    history = [("Earlier one", "..."), Turn("Who built the Shumar Dam of Wadi Shumar?", "Nobody.")]
    expected = f"Who built the Shumar Dam of Wadi Shumar? {question}" if leans else question
    assert standalone(question, history) == expected
    assert standalone(question, []) == question


def article(published, source="S", language="ar"):
    return Article("a", language, "t", "x", source=source, published=published)


@pytest.mark.parametrize(
    ("published", "start", "end", "passes"),
    [
        ("2024-10-12", "2024-10-12", "2024-10-12", True),
        ("2024-10-12", "2024-10-13", None, False),
        ("2024-10-12", None, "2024-10-11", False),
        ("2024-02", "2024-02-01", "2024-02-29", True),
        ("2024-02", "2024-02-02", None, False),
        ("2024", "2024-01-01", "2024-12-31", True),
        ("2024", None, "2024-12-30", False),
        ("", "2024-01-01", None, False),
    ],
)
def test_date_filters(published, start, end, passes):
    from datetime import date

    def day(text):
        return date.fromisoformat(text) if text else None

    filters = Filters(published_from=day(start), published_to=day(end))
    assert filters.accept(article(published)) is passes


def test_filters_refuse_what_cannot_work():
    from datetime import date

    with pytest.raises(ValueError, match="wants a tuple"):
        Filters(sources="SY24")
    with pytest.raises(ValueError, match="fr"):
        Filters(languages=("fr",))
    with pytest.raises(ValueError, match="swap them"):
        Filters(published_from=date(2024, 2, 1), published_to=date(2024, 1, 1))
    assert not Filters()
    assert Filters(sources=["a"]).sources == ("a",)
