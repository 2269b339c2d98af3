import pytest

from rag.support import SupportChecker

SOURCE = (
    "The Shumar Dam is 68 metres high and was opened by Prime Minister Salwa Darwazani on "
    "18 March 2025. Farmers said the charge had not been agreed."
)
ARABIC = "يبلغ ارتفاع سدّ شُمر 68 مترًا، وافتتحته رئيسة الوزراء سلوى الدروزاني في 18 آذار/مارس 2025."

pytestmark = pytest.mark.encoder


@pytest.fixture(scope="module")
def checker(real_encoder):
    return SupportChecker(real_encoder)


@pytest.mark.parametrize("source", [SOURCE, ARABIC])
@pytest.mark.parametrize(
    "statement",
    [
        "The Shumar Dam is 68 metres high.",
        "The Shumar Dam was opened by Prime Minister Salwa Darwazani.",
        "يبلغ ارتفاع سد شمر ٦٨ مترا.",
        "افتتحت رئيسة الوزراء سلوى الدروزاني سد شمر في 18 مارس 2025.",
    ],
)
def test_what_the_source_says_stands_in_either_language(checker, statement, source):
    assert checker.check(statement, [source]).missing == ()


@pytest.mark.parametrize("source", [SOURCE, ARABIC])
@pytest.mark.parametrize(
    ("statement", "missing"),
    [
        ("The Shumar Dam is 86 metres high.", "number 86"),
        ("يبلغ ارتفاع سد شمر سبعين مترا.", "number 70"),
        ("The Shumar Dam was opened on 18 May 2025.", "month 5"),
        ("The Shumar Dam was opened by Prime Minister Omar Halabi.", "name Halabi"),
        ("The Shumar Dam is not 68 metres high.", "denial"),
        ("لم يبلغ ارتفاع سد شمر 68 مترا.", "denial"),
        ("The bakers of Ras Yaqut went on strike.", "meaning"),
        ("See https://example.org for the Shumar Dam.", "link https://example.org"),
    ],
)
def test_what_the_source_does_not_say_fails(checker, statement, source, missing):
    assert missing in checker.check(statement, [source]).missing


def test_nothing_cited_supports_nothing(checker):
    assert checker.check("The dam is high.", []).missing == ("citation",)


def test_outlet_and_title_may_be_named(checker):
    statement = "Rannan Valley Post says the Shumar Dam is 68 metres high."
    assert not checker.check(statement, [SOURCE]).supported
    assert checker.check(statement, [SOURCE], "Rannan Valley Post").supported
