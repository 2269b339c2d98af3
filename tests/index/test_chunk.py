from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from index.chunk import chunk_article
from index.sentences import split_sentences
from index.types import Article

TEXT = st.text(alphabet=st.sampled_from("اب تث. ؟!\n\r،؛ab cd.D\u2029😀«»3"), max_size=400)


def words(texts):
    return [len(text.split()) for text in texts]


def article(text, language="ar"):
    return Article("a", language, "", text)


@given(TEXT, st.sampled_from(["ar", "en"]))
def test_sentences_cover_every_letter_in_order(text, language):
    spans = split_sentences(text, language)
    assert all(text[s:e] == text[s:e].strip() != "" for s, e in spans)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    covered = "".join(text[s:e] for s, e in spans)
    assert "".join(covered.split()) == "".join(text.split())


def test_a_title_does_not_end_a_sentence():
    text = "قال د. أحمد إن العدد 3.5 مليون. وانتهى الأمر."
    assert [text[s:e] for s, e in split_sentences(text, "ar")] == [
        "قال د. أحمد إن العدد 3.5 مليون.",
        "وانتهى الأمر.",
    ]


@settings(max_examples=200)
@given(TEXT, st.integers(3, 30))
def test_chunks_are_exact_and_within_the_limit(text, limit):
    chunks = chunk_article(article(text), words, limit)
    assert all(text[c.start : c.end] == c.text for c in chunks)
    assert [c.ordinal for c in chunks] == list(range(len(chunks)))
    assert all(c.n_tokens <= limit for c in chunks)
    assert "".join("".join(c.text for c in chunks).split()) == "".join(text.split())


def test_chunks_are_of_even_size_and_whole_sentences():
    text = " ".join(f"Sentence number {i} ends here." for i in range(12))
    chunks = chunk_article(article(text, "en"), words, 50)
    assert [c.n_tokens for c in chunks] == [30, 30]
    assert all(c.text.endswith(".") for c in chunks)


def test_a_sentence_over_the_limit_is_cut_at_commas():
    text = "، ".join(["كلمة أخرى هنا"] * 20) + "."
    chunks = chunk_article(article(text), words, 12)
    assert len(chunks) > 4
    assert all(c.text.rstrip().endswith(("،", ".")) for c in chunks)
    assert all(text[c.start : c.end] == c.text for c in chunks)
