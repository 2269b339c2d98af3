"""The public API, on the sample articles and the real pages, with the real encoder."""

import asyncio
import json
import subprocess
import sys
import threading

import pytest
from langchain_core.documents import Document

import rag
from eval.formats import sample_dataset
from index.normalize import detect_language
from tests.conftest import ROOT, SHARED

pytestmark = pytest.mark.encoder


def check_citations(assistant, answer):
    texts = {article.article_id: article.text for article in assistant.articles()}
    for citation in answer.citations:
        assert texts[citation.article_id][citation.start : citation.end] == citation.quote
        assert f"[{citation.marker}]" in answer.text
    assert [c.marker for c in answer.citations] == list(range(1, len(answer.citations) + 1))


@pytest.mark.parametrize(
    ("question", "article_id", "words"),
    [
        ("كم يبلغ ارتفاع سد شُمر؟", ("dam-opening-ar", "shumar-dam-mina-ar"), "68"),
        (
            "How many families were moved from the village flooded by the Shumar reservoir?",
            ("dam-opening-ar", "shumar-dam-mina-ar"),
            "37",
        ),
        ("كم طنًا من الملح ستبيع تعاونية أم ريش كل سنة؟", "salt-export-deal-en", "36,000"),
        ("What caused the fire in the coppersmiths' market?", "copper-market-fire-ar", "مدفأة"),
    ],
)
def test_questions_find_their_evidence_in_either_language(sample, question, article_id, words):
    answer = sample.ask(question)
    assert not answer.refused
    assert answer.language == detect_language(question)
    assert any(c.article_id.startswith(article_id) for c in answer.citations)
    assert any(words in c.quote for c in answer.citations)
    check_citations(sample, answer)


@pytest.mark.parametrize(
    "question", ["What is the best recipe for chocolate cake?", "ما عاصمة اليابان؟"]
)
def test_what_the_articles_do_not_hold_is_refused(sample, question):
    answer = sample.ask(question)
    assert answer.refused
    assert answer.citations == answer.evidence == ()
    assert detect_language(answer.text) == detect_language(question)
    assert "48" in answer.text


def test_the_answer_can_be_asked_for_in_the_other_language(sample):
    answer = sample.ask("How high is the Shumar dam?", language="ar")
    assert answer.language == "ar"
    assert answer.text.startswith("لم أجد الجواب إلا") or "بحسب" in answer.text
    assert "According to" not in answer.text


def test_near_duplicates_count_once(sample):
    hits = sample.search("سد شُمر", k=20)
    stories = {}
    for hit in hits:
        stories.setdefault(hit.article.story_id, set()).add(hit.article.article_id)
    assert all(len(articles) == 1 for articles in stories.values())
    dam = next(hit for hit in hits if hit.article.story_id.startswith(("dam-opening-ar", "shumar")))
    assert len(dam.also_reported_by) == 1
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_filters_restrict_what_is_searched(sample):
    question = "How high is the Shumar dam?"
    only_arabic = sample.search(question, filters=rag.Filters(languages=("ar",)))
    assert {hit.chunk.language for hit in only_arabic} == {"ar"}
    one = rag.Filters(article_ids=("bread-price-ar",))
    assert {hit.article.article_id for hit in sample.search(question, filters=one)} == {
        "bread-price-ar"
    }
    nothing = sample.ask(question, filters=rag.Filters(sources=("Nobody",)))
    assert nothing.refused
    assert "No article passes" in nothing.text


def test_the_same_answer_however_it_is_asked_for(sample):
    question = "When was the Shumar dam opened?"
    answer = sample.ask(question)
    *pieces, last = sample.stream(question)
    assert "".join(pieces) == answer.text == last.text
    assert asyncio.run(sample.aask(question)).text == answer.text
    assert answer.timings.keys() == {"understand", "retrieve", "read", "evidence", "answer"}
    assert json.loads(json.dumps(answer.to_dict()))["citations"][0]["quote"] in answer.text


def test_threads_share_one_assistant(sample):
    questions = [case.question for case in sample_dataset().cases[:24]]
    expected = [sample.ask(question).text for question in questions]
    found = [None] * len(questions)

    def ask(i):
        found[i] = sample.ask(questions[i]).text

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(questions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


def test_langchain_can_take_the_retriever_and_the_chain(sample):
    documents = sample.retriever.invoke("How high is the Shumar dam?")
    assert isinstance(documents[0], Document)
    metadata = documents[0].metadata
    article = next(a for a in sample.articles() if a.article_id == metadata["article_id"])
    assert article.text[metadata["start"] : metadata["end"]] == documents[0].page_content
    query = rag.Query("How high is the Shumar dam?", "How high is the Shumar dam?", "en")
    assert isinstance(sample.chain.batch([query, query])[1], rag.Answer)


def test_one_liner_uses_the_settings(sample_index, monkeypatch):
    monkeypatch.setenv("BURHAN_INDEX", str(sample_index))
    assert not rag.ask("How high is the Shumar dam?").refused


def test_bad_arguments_are_value_errors(sample):
    for bad in ("", "x" * 3_000):
        with pytest.raises(ValueError, match="question"):
            sample.ask(bad)
    with pytest.raises(ValueError, match="between 1 and"):
        sample.search("dam", k=0)


def test_import_is_light():
    code = (
        "import sys, rag; heavy = {'torch', 'gradio', 'faiss', 'transformers', 'langchain_core'};"
        "sys.exit(', '.join(heavy & sys.modules.keys()) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.exists(), reason="the shared data folder is not here")
def test_the_real_pages_are_answered_and_the_rest_refused(seeds):
    lines = (ROOT / "tests" / "data" / "seed_questions.jsonl").read_text(encoding="utf-8")
    right, refused = [], []
    for case in map(json.loads, lines.splitlines()):
        for language, question in case["question"].items():
            answer = seeds.ask(question)
            assert answer.language == language
            check_citations(seeds, answer)
            if case.get("article_ids"):
                right.append(any(case["evidence"] in c.quote for c in answer.citations))
            else:
                refused.append(answer.refused)
    print(  # noqa: T201 - shown with -s
        f"{sum(right)} of {len(right)} answered, {sum(refused)} of {len(refused)} refused"
    )
    assert sum(right) / len(right) >= 5 / 6
    assert sum(refused) / len(refused) >= 4 / 6
