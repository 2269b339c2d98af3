import pytest

from index.types import Article, Chunk, Filters, Hit
from rag import extractive
from rag.types import Evidence, Query


def evidence(language="en", source="Harbour Post", published="2024-10-12", marker=1):
    article = Article("a", language, "The title", "It opened.", source=source, published=published)
    chunk = Chunk("c", "a", language, 0, "It opened.", 0, 10, 3)
    return Evidence(marker, Hit(chunk, article, 1.0, 1), 0, 10, "It opened.", 0.9)


def lines(language, *found):
    return extractive.answer_lines(Query("q", "q", language), list(found))


def test_quotes_are_attributed_in_the_language_of_the_question():
    assert lines("en", evidence()) == [
        "According to Harbour Post, 12 October 2024: “It opened.” [1]"
    ]
    assert lines("ar", evidence("ar", "صدى المدينة")) == [
        "بحسب صدى المدينة في 12 أكتوبر 2024: «It opened.» [1]"
    ]
    assert lines("en", evidence(source="", published="")) == [
        "According to the article “The title”: “It opened.” [1]"
    ]


def test_evidence_in_the_other_language_is_said_to_be():
    first, quote = lines("ar", evidence("en"))
    assert "بالإنجليزية" in first
    assert quote == "بحسب Harbour Post في 12 أكتوبر 2024، بالإنجليزية: “It opened.” [1]"
    mixed = lines("en", evidence("ar"), evidence("en", marker=2))
    assert "in Arabic: «It opened.» [1]" in mixed[0]
    assert len(mixed) == 2


@pytest.mark.parametrize(
    ("n", "arabic", "english"),
    [
        (0, "لا توجد مقالات مفهرسة", "No articles are indexed"),
        (1, "مقال واحد", "one article"),
        (2, "مقالين", "2 articles"),
        (5, "5 مقالات", "5 articles"),
        (48, "48 مقالًا", "48 articles"),
        (100, "100 مقال.", "100 articles"),
        (103, "103 مقالات", "103 articles"),
    ],
)
def test_a_refusal_says_what_was_searched(n, arabic, english):
    assert arabic in extractive.refusal(Query("q", "q", "ar"), n)
    assert english in extractive.refusal(Query("q", "q", "en"), n)
    filtered = Query("q", "q", "en", Filters(sources=("x",)))
    assert "filters" in extractive.refusal(filtered, n)


def test_dates_keep_their_precision():
    assert extractive.spoken_date("2024-10-12", "ar") == "12 أكتوبر 2024"
    assert extractive.spoken_date("2024-10", "en") == "October 2024"
    assert extractive.spoken_date("2024", "ar") == "2024"
