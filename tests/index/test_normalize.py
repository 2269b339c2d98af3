import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.names import name_terms
from index.normalize import detect_language, fold, search_terms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("أُستاذٌ", "استاذ"),
        ("مدرسة", "مدرسه"),
        ("مستشفى", "مستشفي"),
        ("العـــراق", "العراق"),
        ("٢٠٢٤", "2024"),
        ("۱۲", "12"),
        ("Zürich", "zurich"),
        ("ﻻ", "لا"),
        ("كتاب\u200f", "كتاب"),
    ],
)
def test_fold_makes_spelling_variants_equal(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("والمستشفيات", "مستشفيات"),
        ("للمدرسة", "مدرسة"),
        ("الطائرات", "طائرات"),
        ("running", "runs"),
        ("hospitals", "hospital"),
        ("3,500", "3500"),
    ],
)
def test_related_forms_share_a_term(one, other):
    assert search_terms(one) == search_terms(other)


def test_stopwords_are_dropped():
    assert search_terms("What is the river?") == ["river"]
    assert search_terms("ما هو النهر؟") == ["نهر"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("متى؟", "ar"),
        ("Who?", "en"),
        ("ما هو SY24؟", "ar"),
        ("Who is محمد, the minister of water?", "en"),
        ("2024?", "en"),
        ("", "en"),
    ],
)
def test_detect_language(text, language):
    assert detect_language(text) == language


@pytest.mark.parametrize(
    ("arabic", "english"),
    [
        ("كونيكو", "Conoco"),
        ("فيكتوريا", "Victoria"),
        ("تسلا", "Tesla"),
        ("شيكاغو", "Chicago"),
        ("بيدرة", "Baydara"),
        ("٣٨٠", "380"),
    ],
)
def test_names_meet_across_scripts(arabic, english):
    assert name_terms(arabic) == name_terms(english) != []


@given(st.text())
def test_any_text_can_be_folded_and_analysed(text):
    assert fold(fold(text)) == fold(text)
    search_terms(text)
    name_terms(text)
