import pytest

from rag import facts


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("٣٦ ألفًا", {36_000}),
        ("2.5 million", {2_500_000}),
        ("£125m and $3.6bn", {125e6, 3.6e9}),
        ("خمسة وعشرون ألفًا", {25_000}),
        ("three hundred and twenty-five people", {325}),
        ("ثلاثمئة وخمسة عشر", {315}),
        ("ألف ومئتان", {1_200}),
        ("خمسة آلاف وثلاثمئة", {5_300}),
        ("1,200 tonnes on 12 October 2024", {1_200, 12, 2_024}),
        ("بنسبة 30 بالمائة، ثم ٣٥ في المئة", {30, 35}),
        ("20 losses and seven halves", {20, 7}),
        ("القرن التاسع عشر", {19}),
        ("the 19th century, the third time", {19, 3}),
        ("الأربع كرات", {4}),
        ("half a million", {500_000}),
        ("نصف مليون", {500_000}),
        ("مليونين ونصف المليون", {2_500_000}),
        ("2,5 مليون", {2_500_000}),
        ("tens of thousands", {10_000}),
        ("عشرات الآلاف", {10_000}),
        ("ألف و200", {1_200}),
        ("two and 300", {2, 300}),
        ("no numbers here", set()),
    ],
)
def test_numbers_of_either_script_in_digits_and_words(text, values):
    assert facts.numbers(text) == values


def test_small_numbers_do_not_tell():
    assert facts.telling_numbers("one of two people, 1.5 metres, 3 dogs") == {1.5, 3}


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("12 تشرين الأول 2024", {10}),
        ("في مطلع آب", {8}),
        ("October 12", {10}),
        ("it may rain", set()),
        ("in May", {5}),
    ],
)
def test_months_that_date_something(text, months):
    assert facts.months(text) == months


def test_days_of_the_week():
    assert facts.weekdays("يومي الاثنين والثلاثاء, and on Friday") == {0, 1, 4}


def test_names_are_capitals_that_open_no_sentence():
    text = "Officials in Damascus met Ahmad Ali on Monday in May. Omar left. The UN agreed."
    assert facts.latin_names(text) == ["Damascus", "Ahmad", "Ali", "UN"]
    assert facts.latin_names("Ahmad Ali spoke.") == ["Ahmad", "Ali"]
    assert facts.latin_names("Salaries were paid by WHO.") == ["WHO"]


def test_names_are_found_quickly_however_many():
    assert len(facts.latin_names("Ab " * 20_000)) == 20_000  # was quadratic: minutes


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("لم يذهب", True),
        ("ولا أحد يعرف", True),
        ("لا يزال هناك", False),
        ("he didn't go", True),
        ("not only there", False),
        ("he went", False),
        ("رفض الوزير", True),
    ],
)
def test_denials(text, denied):
    assert facts.negated(text) is denied
