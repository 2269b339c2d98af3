"""What other services rely on: documented examples, the schema, threads, languages."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import jsonschema
import pytest

from eval.formats import sample_dataset
from eval.outcomes import own_words
from index.normalize import detect_language
from rag.assistant import Assistant
from rag.settings import load_settings
from tests.conftest import ROOT
from tests.rag.scripted import number_of, scripted_server

pytestmark = pytest.mark.encoder
# Names in one script within a question of the other.
MIXED = [
    f"{opening} {name}؟"
    for opening in ("من هو", "ماذا قال", "متى بدأ مشروع")
    for name in ("Huda Marasi", "Nawal Kawkabi", "Hoshiro Foods", "Daf'a")
] + [
    f"{opening} {name}?"
    for opening in ("Who is", "What did the article say about", "When was the opening of")
    for name in ("هدى مراسي", "نوال الكوكبي", "سد شُمر", "تل القرميد")
]


@pytest.fixture(scope="module")
def schema():
    return json.loads((ROOT / "docs" / "answer.schema.json").read_text(encoding="utf-8"))


def test_the_documented_examples_run(sample_index, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "index").symlink_to(sample_index)
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    assert len(blocks) >= 6
    names = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    assert names["answer"].citations


@pytest.mark.parametrize(
    "question", ["كم يبلغ ارتفاع سد شُمر؟", "How many shops burned?", "How do I bake a cake?"]
)
def test_answers_follow_their_schema(sample, schema, question):
    jsonschema.validate(json.loads(json.dumps(sample.ask(question).to_dict())), schema)


def test_a_models_answer_follows_the_schema(sample, schema):
    with scripted_server() as server:
        server.script = [lambda m: f"The Shumar Dam is 68 metres high [{number_of(m, '68')}]."]
        options = {"llm": "openai:scripted", "llm_url": server.url}
        answer = Assistant(sample.store, load_settings(**options)).ask(
            "How high is the Shumar Dam?"
        )
    jsonschema.validate(json.loads(json.dumps(answer.to_dict())), schema)
    assert answer.usage


def test_the_schema_names_every_field(sample, schema):
    assert schema["properties"].keys() == sample.ask("سد شُمر").to_dict().keys()


def test_thirty_two_callers_at_once_get_what_one_gets(sample):
    cases = sample_dataset().only("test", 16).cases[:32]
    alone = [sample.ask(case.question) for case in cases]
    with ThreadPoolExecutor(32) as pool:
        together = list(pool.map(lambda case: sample.ask(case.question), cases))
    assert [a.text for a in together] == [a.text for a in alone]
    assert [a.citations for a in together] == [a.citations for a in alone]


def test_two_hundred_answers_are_in_their_questions_language_and_quote_verbatim(sample):
    cases = sample_dataset().only("all", 90).cases
    asked = [(case.question, case.language) for case in cases]
    asked += [(question, detect_language(question)) for question in MIXED]
    assert len(asked) >= 200
    texts = {article.article_id: article.text for article in sample.articles()}
    for question, language in asked:
        answer = sample.ask(question)
        assert answer.language == language, question
        own = own_words(answer)
        if re.search(r"[^\W\d_]", own):
            assert detect_language(own) == language, (question, answer.text)
        for c in answer.citations:
            assert texts[c.article_id][c.start : c.end] == c.quote
        markers = {int(number) for number in re.findall(r"\[(\d+)\]", answer.text)}
        assert markers == {c.marker for c in answer.citations}
