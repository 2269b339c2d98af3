from dataclasses import replace
from datetime import date

import pytest

from index.types import Filters
from rag.query import make_query
from rag.types import Turn
from rag.when import Period, asks_for_latest, read_period

AS_OF = date(2024, 11, 20)  # a Wednesday


@pytest.mark.parametrize(
    ("question", "first", "last", "strict"),
    [
        ("What happened yesterday?", (11, 19), (11, 20), True),
        ("ماذا حدث أمس في دمشق؟", (11, 19), (11, 20), True),
        ("What happened last week in Aleppo?", (11, 9), (11, 18), True),
        ("ماذا جرى الأسبوع الماضي؟", (11, 9), (11, 18), True),
        ("ما حصيلة الشهر الماضي؟", (10, 1), (10, 31), True),
        ("منذ بداية تشرين الأول كم شخصًا قتل؟", (10, 1), (11, 20), True),
        ("How many died since the start of October?", (10, 1), (11, 20), True),
        ("in the last three days", (11, 17), (11, 20), True),
        ("خلال الأيام الثلاثة الماضية", (11, 17), (11, 20), True),
        ("منذ أسبوعين", (11, 6), (11, 20), True),
        ("What changed since last month?", (10, 1), (11, 20), True),
        ("منذ شهر تشرين الأول", (10, 1), (11, 20), True),
        ("How many live there today?", (11, 20), (11, 20), False),
        ("What happened in October?", (10, 1), (10, 31), False),
        ("ماذا جرى في 12 تشرين الأول 2024؟", (10, 12), (10, 12), False),
    ],
)
def test_periods(question, first, last, strict):
    expected = Period(date(2024, *first), date(2024, *last), strict)
    assert read_period(question, AS_OF) == expected


def test_a_month_to_come_is_that_of_the_year_before():
    assert read_period("in December", AS_OF) == Period(date(2023, 12, 1), date(2023, 12, 31), False)


@pytest.mark.parametrize("question", ["Who won in 2023?", "How did it change last year?"])
def test_a_year_only_prefers(question):
    assert read_period(question, AS_OF) == Period(date(2023, 1, 1), date(2023, 12, 31), False)


@pytest.mark.parametrize(
    "question",
    [
        "Who may go?",
        "اليوم العالمي للمرأة",
        "منذ متى يعمل؟",
        "How many votes did she get?",
        "in 410",
    ],
)
def test_no_period(question):
    assert read_period(question, AS_OF) is None


def test_a_period_that_the_filters_exclude_only_prefers():
    filters = Filters(published_to=date(2024, 1, 1))
    query = make_query("What happened yesterday?", max_chars=99, filters=filters, as_of=AS_OF)
    assert query.filters == filters
    assert query.period is not None
    assert not query.period.strict


def test_a_follow_up_keeps_the_period():
    history = [Turn("What happened yesterday in Homs?")]
    query = make_query("And how many died?", max_chars=99, history=history, as_of=AS_OF)
    assert query.filters.published_from == date(2024, 11, 19)


def test_the_latest():
    assert asks_for_latest("What is the latest on the dam?")
    assert asks_for_latest("ما آخر أخبار الميناء؟")
    assert not asks_for_latest("Who was the last king?")


def test_a_period_restricts_the_search_and_says_so(fake_sample):
    as_of = date(2025, 3, 20)
    answer = fake_sample.ask("What was inaugurated on the Rannan this week?", as_of=as_of)
    assert "Searched: articles published from 15 March 2025" in answer.text
    assert answer.citations
    assert all("2025-03-15" <= c.published <= "2025-03-20" for c in answer.citations)
    before = fake_sample.ask("ماذا حدث أمس؟", as_of=date(2019, 1, 1))
    assert before.refused
    assert "لا توجد مقالات منشورة في تلك المدة" in before.text


def test_named_dates_and_the_latest_move_articles_forward(fake_sample):
    retriever = fake_sample.retriever
    plain = make_query("the Rannan", max_chars=100, as_of=AS_OF)

    def days(**about):
        query = replace(plain, **about)
        hits = retriever.search(query, retriever.encode(query.text), 20)
        return [hit.article.published for hit in hits]

    def age(some):
        return sum(date.fromisoformat(day).toordinal() for day in some[:5])

    assert age(days(latest=True)) > age(days())
    then = days()[9]
    period = Period(date.fromisoformat(then), date.fromisoformat(then), strict=False)
    assert days(period=period).index(then) < days().index(then)
