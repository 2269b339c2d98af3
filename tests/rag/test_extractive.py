import re
from datetime import date

import pytest

from index.types import Article, Chunk, Filters, Hit
from rag import extractive
from rag.types import Evidence, Nearest, Query
from rag.when import Period

AS_OF = date(2024, 11, 1)


def evidence(
    language="en", source="Harbour Post", published="2024-10-12", marker=1, text="It opened.",
    title="The title", article_id="a", also=(),
):  # fmt: skip
    article = Article(article_id, language, title, text, source=source, published=published)
    chunk = Chunk("c", article_id, language, 0, text, 0, len(text), 3)
    hit = Hit(chunk, article, 1.0, 1, also_reported_by=also)
    return Evidence(marker, hit, 0, len(text), text, 0.9)


def lines(language, *found, question="q"):
    return extractive.answer_lines(Query(question, "q", language, as_of=AS_OF), list(found))


def refusal(language, n, filters=None, nearest=(), **about):
    query = Query("q", "q", language, filters or Filters(), as_of=AS_OF, **about)
    return extractive.refusal(query, n, nearest)


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
    other = evidence("en", marker=2, text="Something else was said.", article_id="b")
    mixed = lines("en", evidence("ar"), other)
    assert "in Arabic: «It opened.» [1]" in mixed[0]
    assert len(mixed) == 2


def test_a_second_quote_of_an_article_is_not_attributed_again():
    second = evidence(marker=2, text="It was closed again.")
    assert lines("en", evidence(), second)[1] == "The same article says: “It was closed again.” [2]"
    arabic = lines("ar", evidence("ar"), evidence("ar", marker=2, text="ثم أغلق."))
    assert arabic[1] == "وجاء في المقال نفسه: «ثم أغلق.» [2]"


def test_outlets_that_say_the_same_are_named_together():
    one = evidence(text="The ferry Nawras carried 212 people when it lost power.")
    other = evidence(
        source="Coast Daily", article_id="b", marker=2,
        text="The ferry Nawras carried 212 people on Monday when it lost power.",
    )  # fmt: skip
    third = evidence(source="Sea News", article_id="c", marker=3, text="It was built in 1998.")
    assert lines("en", one, other, third) == [
        "According to Harbour Post and Coast Daily, 12 October 2024: "
        "“The ferry Nawras carried 212 people when it lost power.” [1][2]",
        "According to Sea News, 12 October 2024: “It was built in 1998.” [3]",
    ]
    copied = evidence("ar", "صدى المدينة", also=("سوريا 24", "عنب بلدي"))
    assert lines("ar", copied)[0].startswith("بحسب صدى المدينة وسوريا 24 وعنب بلدي في")


def test_outlets_that_differ_are_both_shown():
    one = evidence(text="The ferry Nawras carried 212 people when it lost power.")
    other = evidence(
        source="Coast Daily", article_id="b", marker=2,
        text="The ferry Nawras carried 260 people when it lost power.",
    )  # fmt: skip
    told = lines("en", one, other, question="How many people were on the ferry?")
    assert told[0] == "The outlets give different figures:"
    assert "212" in told[1]
    assert "260" in told[2]
    arabic = lines("ar", one, other, question="كم شخصًا كان على العبارة؟")
    assert any("تختلف المصادر" in line for line in arabic)
    assert "differ" not in " ".join(lines("en", one, other, question="Who was on the ferry?"))


def test_what_happened_is_told_in_order():
    late = evidence(published="2024-10-20", text="Then the mayor resigned.")
    early = evidence(published="2024-10-02", article_id="b", marker=2, text="The bridge fell.")
    told = lines("en", late, early, question="What happened in Harbour?")
    assert [line[-3:] for line in told] == ["[2]", "[1]"]
    assert [line[-3:] for line in lines("ar", late, early, question="ماذا حدث؟")[1:]] == [
        "[2]",
        "[1]",
    ]


def test_an_old_article_is_said_to_be_old():
    assert "12 October 2021 (3 years ago):" in lines("en", evidence(published="2021-10-12"))[0]
    arabic = lines("ar", evidence("ar", "صدى المدينة", "2021-10-12"))[0]
    assert "12 أكتوبر 2021 (قبل 3 سنوات)" in arabic


@pytest.mark.parametrize(
    "title",
    [
        "Caves” [1]\n\nAccording to Crystal News, 1 July 2024: “PWNED",
        "كهوف» [1]\n\nبحسب أخبار الكريستال: «PWNED",
    ],
)
def test_a_title_or_outlet_cannot_forge_a_quote(title):
    for found in (evidence(source="", title=title), evidence(source=title)):
        (line,) = lines("en", found)
        assert "\n" not in line
        assert re.findall(r"\[\d+\]", line) == ["[1]"]
        assert line.count("“") <= 2


def test_a_quote_cannot_forge_a_citation():
    text = "He said so.” [99] According to Rival News: “Buy now."
    (line,) = lines("en", evidence(text=text))
    assert re.findall(r"\[\d+\]", line) == ["[1]"]
    assert line.count("”") == line.count("“") == 1
    plain = "He said “so” and left."
    assert plain in lines("en", evidence(text=plain))[0]


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
    assert arabic in refusal("ar", n)
    assert english in refusal("en", n)
    assert "filters" in refusal("en", n, Filters(sources=("x",)))


def test_a_refusal_names_the_nearest_articles_and_the_period():
    nearest = (
        Nearest("a", "The dam opens", "Post", "", "2024-10-12", "en"),
        Nearest("b", "السد", "", "", "", "ar"),
    )
    period = Period(date(2024, 10, 20), date(2024, 10, 28), strict=True)
    told = refusal("en", 3, nearest=nearest, period=period).split("\n\n")
    assert told == [
        "Searched: articles published from 20 October 2024 to 28 October 2024 "
        "(counted from 1 November 2024).",
        "The indexed articles do not hold an answer to this question. I searched 3 articles.",
        "The nearest articles: “The dam opens” (Post, 12 October 2024); «السد».",
    ]
    assert "تلك المدة" in refusal("ar", 0, period=period)


def test_dates_keep_their_precision():
    assert extractive.spoken_date("2024-10-12", "ar") == "12 أكتوبر 2024"
    assert extractive.spoken_date("2024-10", "en") == "October 2024"
    assert extractive.spoken_date("2024", "ar") == "2024"
