import random
import re
from collections import Counter
from dataclasses import dataclass

import pytest

from eval.support import measure as support
from eval.support import pairs as support_pairs
from eval.support.documents import read_documents
from eval.support.false import Setting, change_date, change_number, change_number_word, swap_roles
from eval.support.names import Name, replaced
from eval.support.negation import add_not, drop_not
from eval.support.pairs import KINDS, Pair, pairs_of
from eval.support.true import WAYS
from eval.support.words import values
from index.normalize import fold
from index.training.data import is_held_out
from tests.conftest import SHARED

NOTHING = Setting(known="", own=(), others=())


@pytest.fixture
def generator():
    return random.Random(0)


@pytest.mark.parametrize(
    ("language", "text", "changed"),
    [
        ("en", "The car was stopped by police.", "The car was not stopped by police."),
        ("en", "The firm soon became famous.", "The firm soon did not become famous."),
        ("en", "He asked whether it was open.", None),
        ("en", "All of them were hurt.", None),
        ("ar", "وقال المدير إن العمل بدأ.", "ولم يقل المدير إن العمل بدأ."),
        ("ar", "كانت المدينة هادئة.", "لم تكن المدينة هادئة."),
        ("ar", "سيتم افتتاح المتحف غدا.", "لن يتم افتتاح المتحف غدا."),
        ("ar", "باريس هي العاصمة.", "باريس ليست العاصمة."),
        ("ar", "لم تكن المدينة هادئة.", None),
    ],
)
def test_a_verb_is_negated(generator, language, text, changed):
    assert add_not(text, language, NOTHING, generator) == changed


@pytest.mark.parametrize(
    ("language", "text", "changed"),
    [
        ("en", "She did not sign the letter.", "She did sign the letter."),
        ("en", "They can't leave the city.", "They can leave the city."),
        ("en", "She did not see anyone.", None),
        ("ar", "لم تكن المدينة هادئة.", "كانت المدينة هادئة."),
        ("ar", "وقال إنه لن يترشح مجددا.", "وقال إنه سيترشح مجددا."),
        ("ar", "لا يزال المتحف مغلقا.", None),
        ("ar", "لم يكن هناك احد في الداخل.", None),
    ],
)
def test_a_negation_is_taken_away(generator, language, text, changed):
    assert drop_not(text, language, NOTHING, generator) == changed


@pytest.mark.parametrize(
    ("change", "language", "text"),
    [
        (change_number, "en", "More than 135 people came."),
        (change_number, "en", "It ended 3-0 in 1998."),
        (change_number_word, "en", "At least three people came."),
        (change_number_word, "ar", "قبل أن يبلغ الطفل ثلاث سنوات من عمره."),
        (change_date, "en", "It has stood there since May 1990."),
        (change_date, "en", "They march and may stop."),
        (change_date, "ar", "وقد مارس المهنة منذ عام 1990."),
    ],
)
def test_what_might_stay_true_is_left_alone(generator, change, language, text):
    assert change(text, language, NOTHING, generator) is None


def test_a_changed_number_keeps_its_form_and_is_new(generator):
    known = "The others were 4, 5, 6, 7 and 8."
    for text, form in (
        ("Some 36,000 tonnes were sold.", r"Some \d\d,000 tonnes were sold\."),
        ("نُقل ٢٤ شخصا.", r"نُقل [٠-٩]{2} شخصا\."),
        ("It was 3 miles.", r"It was (9|10) miles\."),
    ):
        new = change_number(text, "en", Setting(known, (), ()), generator)
        assert re.fullmatch(form, new)
        assert values(new) != values(text)


def test_names_go_whole_and_by_surname():
    one, other = Name("man", "Chad Hammel", "تشاد هاميل"), Name("man", "Rob Dewar", "روب ديوار")
    text = "Chad Hammel fell, and Hammel's dog ran; Ann Hammel saw it."
    expected = "Rob Dewar fell, and Dewar's dog ran; Ann Hammel saw it."
    assert replaced(one, other, text, "en") == expected
    assert replaced(one, other, "قال تشاد هاميل لهاميل", "ar") == "قال روب ديوار لديوار"
    assert replaced(one, other, "Hammelburg is far.", "en") is None


def test_roles_are_swapped_only_where_they_differ(generator):
    names = (Name("man", "Chad Hammel", ""), Name("man", "Rob Dewar", ""))
    setting = Setting("", names, names)
    swapped = swap_roles("Chad Hammel told Dewar to go.", "en", setting, generator)
    assert swapped == "Rob Dewar told Hammel to go."
    assert swap_roles("Chad Hammel met with Dewar.", "en", setting, generator) is None


@pytest.mark.parametrize(
    ("way", "language", "text", "said"),
    [
        ("shortened", "en", "In 2010, the old museum (a palace) was shut.", "The old museum was"),
        ("shortened", "en", "In Paris, the old museum was shut for a while.", None),
        ("number", "ar", "بيع 36,000 طن.", "بيع ٣٦٬٠٠٠ طن."),
        ("date", "en", "It opened on October 12, 1990.", "It opened on 12 October 1990."),
        ("date", "ar", "افتتح في 12 أكتوبر 1990.", "افتتح في 12 تشرين الأول 1990."),
        ("spelling", "ar", "أُعيد إلى أهله.", "اعيد الى اهله."),
        ("spelling", "en", "It is so.", None),
        ("words", "en", "It was closed due to rain.", "It was closed because of rain."),
        ("attributed", "en", "Xu told the court.", None),
    ],
)
def test_the_same_is_said_otherwise(generator, way, language, text, said):
    new = WAYS[way](text, language, generator)
    assert new is None if said is None else new.startswith(said)


@pytest.fixture(scope="module")
def documents():
    if not SHARED.exists():
        pytest.skip("the shared data folder is not here")
    return read_documents(SHARED)


@pytest.fixture(scope="module")
def pairs(documents):
    return pairs_of(documents, [("ar", "ar"), ("en", "ar")])


@pytest.mark.shared_data
def test_true_and_false_come_side_by_side(pairs):
    assert len(pairs) > 600
    for true, false in zip(pairs[::2], pairs[1::2], strict=True):
        assert (true.supported, false.supported) == (True, False)
        assert true.statement != false.statement
        same = ("quotes", "kind", "way", "direction", "split", "document")
        assert all(getattr(true, name) == getattr(false, name) for name in same)
    counts = Counter((pair.kind, pair.direction, pair.split) for pair in pairs)
    assert {kind for kind, _, _ in counts} == set(KINDS)
    assert max(counts.values()) <= 2 * max(support_pairs._MOST.values())


@pytest.mark.shared_data
def test_test_documents_are_those_never_trained_on(pairs):
    for pair in pairs:
        corpus, _, number = pair.document.partition("-")
        held_out = corpus == "xquad" or is_held_out(int(number))
        assert (pair.split == "test") == held_out
        assert pair.direction == "ar-ar" or corpus == "ntrex"


@pytest.mark.shared_data
def test_the_same_data_gives_the_same_pairs(documents, pairs):
    again = pairs_of(documents, [("en", "ar")])
    assert again == [pair for pair in pairs if pair.direction == "en-ar"]


@pytest.mark.shared_data
def test_each_change_is_what_it_says(documents, pairs):
    sentences = {d.document_id: d.sentences for d in documents}
    for true, false in zip(pairs[::2], pairs[1::2], strict=True):
        source, kind = " ".join(true.quotes), true.kind
        before, after = (set(re.findall(r"\w+", fold(p.statement))) for p in (true, false))
        whole = sentences[true.document]
        assert all(quote in " ".join(whole[true.direction[3:]]) for quote in true.quotes)
        if true.direction == "ar-ar":
            # A translation may stand as it is; the source's own words may not.
            assert true.statement not in whole["ar"]
        if kind == "number changed":
            new = values(false.statement) - values(true.statement)
            assert len(new) == 1
            assert not new & values(source)
        elif kind in ("number word changed", "date changed"):
            assert 1 <= len(after - before) <= 2
        elif kind == "clause invented":
            assert false.statement.startswith(true.statement[:-1])
        elif kind == "roles swapped":
            assert len(after ^ before) <= 4
        elif kind.startswith("negation"):
            assert abs(len(false.statement.split()) - len(true.statement.split())) <= 2
        elif kind.endswith("article"):
            assert len(after - before) >= 3


@dataclass
class Told:
    supported: bool
    missing: tuple[str, ...] = ()


def test_the_tables_count_what_passed():
    told = {"kept": True, "dropped": False}
    rows = [("kept", True), ("dropped", True), ("kept", False), ("dropped", False)]
    pairs = [
        Pair(text, ("source",), side, "name swapped", "words", "ar-en", "test", f"ntrex-{n}")
        for n, (text, side) in enumerate(rows)
    ]
    asked = []

    def check(statement, quotes):
        asked.append(statement)
        return Told(told[statement], ("number 3",) if not told[statement] else ())

    judged = support.judge(pairs, check)
    assert [one.passed for one in judged] == [True, False, True, False]
    assert judged[1].missing == ("number 3",)
    # The same statement with the same source is asked once.
    assert asked == ["kept", "dropped"]
    report = support.tables(judged)
    # 1 of 2 by Wilson: (0.5 + 3.8415/4) / (1 + 3.8415/2) is 0.5, reach 0.4055.
    assert "| ar-en | 0.50 (0.09 to 0.91), 2 | 0.50 (0.09 to 0.91), 2 |" in report
    assert "| name swapped | ar-en | 0.50" in report
    assert "## test: 4 pairs from 4 documents" in report
    assert "| en-ar | – | – |" in report


def test_wilson_as_published():
    # Newcombe (1998), table I: 81 of 263 and 0 of 20.
    assert support.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert support.wilson(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
