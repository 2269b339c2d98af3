"""The language-model engine against a real HTTP server that fails in every way."""

import asyncio
import random
import re
import time

import pytest

from index.errors import SettingsError
from rag.assistant import Assistant
from rag.model import ChatModel, count_tokens
from rag.settings import load_settings
from rag.types import Turn
from tests.rag.scripted import Reply, number_of, numbered, scripted_server

pytestmark = pytest.mark.encoder
DAM = "How high is the Shumar Dam?"
DAM_AR = "كم يبلغ ارتفاع سد شُمر؟"


@pytest.fixture(scope="module")
def server():
    with scripted_server() as server:
        yield server


@pytest.fixture
def ask_model(server, sample):
    """Makes an assistant that the server writes for; `script` is what it says."""

    def make(*script, **settings):
        server.script, server.seen = list(script), []
        options = {"llm": "openai:scripted", "llm_url": server.url, "llm_timeout": 20, **settings}
        return Assistant(sample.store, load_settings(**options))

    return make


def says(template, words="68"):
    return lambda messages: template.format(n=number_of(messages, words))


def test_a_supported_statement_is_shown_with_its_sentence(ask_model, server):
    reply = says("The Shumar Dam is 68 metres high [{n}].", "68 metres")
    answer = ask_model(reply, llm_price_out=2.0).ask(DAM)
    assert answer.text == "The Shumar Dam is 68 metres high. [1]"
    assert answer.engine == "openai:scripted"
    assert "68 metres" in answer.citations[0].quote
    assert answer.usage["tokens_in"] > 300
    assert answer.usage["cost"] > 0
    system, human = (message["content"] for message in server.seen[0]["messages"])
    assert system.startswith("You answer questions")
    assert DAM in human


def test_an_arabic_question_is_put_in_arabic(ask_model, server):
    answer = ask_model(says("يبلغ ارتفاع سد شمر 68 مترًا [{n}].")).ask(DAM_AR)
    assert answer.text == "يبلغ ارتفاع سد شمر 68 مترًا. [1]"
    system, human = (message["content"] for message in server.seen[0]["messages"])
    assert system.startswith("أنت تجيب")
    assert not re.findall(r"\b(?:Sources?|Question|Answer)\b", human.replace("<source>", ""))


def test_statements_stream_one_by_one(ask_model):
    text = "The Shumar Dam is 68 metres high [{n}]. The Shumar Dam is on the Rannan [{m}]."

    def reply(messages):
        filled = text.format(n=number_of(messages, "68"), m=number_of(messages, "on the Rannan"))
        return Reply(filled, pause=0.02)

    *pieces, answer = ask_model(reply).stream(DAM)
    assert len(pieces) == 2
    assert "".join(pieces) == answer.text
    assert answer.text.endswith("Rannan. [2]")


@pytest.mark.parametrize(
    ("reply", "told", "told_ar"),
    [
        (Reply(status=500), "failed", "تعطّل"),
        (Reply(status=401), "key", "مفتاح"),
        (Reply(status=429, headers={"Retry-After": "0"}), "overloaded", "مثقل"),
        (Reply(hang=8), "too long", "وقتًا أطول"),
        (Reply("The Shumar Dam is 68 metres and it", cut=True), "broke off", "انقطع"),
        (Reply("The Shumar Dam is 68", finish="length"), "broke off", "انقطع"),
        (Reply(raw="{not json"), "failed", "تعطّل"),
        (Reply(""), "said nothing", "لم يجب"),
        (Reply("The Shumar Dam is 68 metres high [99]."), "did not stand", "لم يثبت"),
        (Reply("The Shumar Dam is 68 metres high."), "did not stand", "لم يثبت"),
        (Reply("Le barrage de Shumar est haut de 68 m [1]."), "did not stand", "لم يثبت"),
    ],
)
def test_every_failure_ends_in_the_evidence_and_a_line_that_says_why(
    ask_model, sample, reply, told, told_ar
):
    assistant = ask_model(reply, llm_timeout=3, llm_retries=1)
    plain = sample.ask(DAM)
    *pieces, answer = assistant.stream(DAM)
    assert told in answer.note
    assert "".join(pieces) == answer.text == f"{answer.note}\n\n{plain.text}"
    assert answer.citations == plain.citations
    assert answer.engine == "extractive"
    if not reply.hang:
        assert told_ar in assistant.ask(DAM_AR).note


def test_a_wrong_language_is_not_shown(ask_model):
    answer = ask_model(says("يبلغ ارتفاع سد شمر 68 مترًا [{n}].")).ask(DAM)
    assert "did not stand" in answer.note
    assert "ارتفاع سد شمر 68 مترًا" not in answer.text


def test_a_dead_server_is_one_line(ask_model):
    assistant = ask_model("?", llm_url="http://127.0.0.1:9/v1", llm_retries=0)
    assert "cannot be reached" in assistant.ask(DAM).note


def test_it_is_tried_again_and_then_the_fallback_is_asked(ask_model, server):
    good = says("The Shumar Dam is 68 metres high [{n}].")
    answer = ask_model(Reply(status=503), good).ask(DAM)
    assert answer.engine == "openai:scripted"
    assert len(server.seen) == 2
    with scripted_server() as second:
        second.script = [good]
        options = {"llm_fallback": "openai:second", "llm_fallback_url": second.url}
        answer = ask_model(Reply(status=500), llm_retries=0, **options).ask(DAM)
        assert answer.text == "The Shumar Dam is 68 metres high. [1]"
        assert second.seen


def test_what_was_said_before_it_broke_off_stays(ask_model):
    def reply(messages):
        n = number_of(messages, "68")
        return Reply(
            f"The Shumar Dam is 68 metres high [{n}]. " + "It is said that " * 20, cut=True
        )

    answer = ask_model(reply).ask(DAM)
    assert answer.text.startswith(
        "The Shumar Dam is 68 metres high. [1]\n\nThe language model broke"
    )
    assert {int(n) for n in re.findall(r"\[(\d+)\]", answer.text)} == {
        c.marker for c in answer.citations
    }


def test_when_the_model_finds_no_answer_it_is_a_refusal(ask_model):
    answer = ask_model("NO ANSWER").ask(DAM)
    assert answer.refused
    assert answer.citations == ()
    assert "do not hold an answer" in answer.text


def test_words_of_refusal_in_a_statement_refuse_nothing(ask_model):
    text = "Officials gave no answer [{n}]. The Shumar Dam is 68 metres high [{n}]."
    answer = ask_model(says(text)).ask(DAM)
    assert answer.text == "The Shumar Dam is 68 metres high. [1]"
    assert ask_model("**NO ANSWER.**").ask(DAM_AR).refused


def test_a_numbered_list_and_endless_markers(ask_model):
    endless = "9" * 5_000
    text = f"1. The Shumar Dam is 68 metres high [{{n}}].\n2. It is on the Rannan [{endless}]."
    answer = ask_model(says(text), unsupported="mark").ask(DAM)
    assert answer.text.startswith("The Shumar Dam is 68 metres high. [1]")
    assert "1. [unverified]" not in answer.text


def test_the_key_is_not_sent_to_the_fallback(ask_model, server):
    with scripted_server() as second:
        second.script = [says("The Shumar Dam is 68 metres high [{n}].")]
        options = {"llm_fallback": "openai:second", "llm_fallback_url": second.url}
        assistant = ask_model(Reply(status=500), llm_retries=0, llm_key="sk-first", **options)
        assert assistant.ask(DAM).text == "The Shumar Dam is 68 metres high. [1]"
        assert server.keys[-1] == "Bearer sk-first"
        assert "sk-first" not in second.keys[-1]


def test_a_silent_server_leaves_time_for_the_fallback(ask_model, server):
    with scripted_server() as second:
        second.script = [says("The Shumar Dam is 68 metres high [{n}].")]
        options = {"llm_fallback": "openai:second", "llm_fallback_url": second.url}
        assistant = ask_model(Reply(hang=9), llm_retries=0, llm_timeout=6, **options)
        assert assistant.ask(DAM).text == "The Shumar Dam is 68 metres high. [1]"


def test_no_evidence_asks_no_model(ask_model, server):
    assert ask_model("?").ask("What is the best recipe for chocolate cake?").refused
    assert server.seen == []


def test_unsupported_statements_can_be_marked_instead(ask_model):
    text = "The Shumar Dam is 68 metres high [{n}]. It cost 999 dinars [{n}]."
    answer = ask_model(says(text), unsupported="mark").ask(DAM)
    assert answer.text == ("The Shumar Dam is 68 metres high. [1] It cost 999 dinars. [unverified]")
    assert answer.usage["unsupported"] == 1


def test_words_that_are_not_the_sources_lose_their_quotation_marks(ask_model):
    text = 'The Shumar Dam is "68 metres high" [{n}]. The lake is “truly 68 metres” high [{n}].'
    text = ask_model(says(text, "68 metres")).ask(DAM).text
    assert "“68 metres high”" in text or '"68 metres high"' in text
    assert "truly 68" not in text or "“" not in text


def test_a_small_window_drops_the_least_useful_sentences(ask_model, server):
    assistant = ask_model(says("The Shumar Dam is 68 metres high [{n}]."), llm_window=1_024,
                          llm_answer_tokens=200)  # fmt: skip
    history = [Turn("What is the Rannan? " * 40, "A river. " * 300)] * 5
    answer = assistant.ask("How high is the Shumar Dam of Wadi Shumar?", history=history)
    assert answer.text.startswith("The Shumar Dam is 68")
    sent = server.seen[-1]["messages"]
    assert sum(count_tokens(message["content"]) for message in sent) <= 1_024 - 200
    assert len(numbered(sent)) >= 3


def test_a_follow_up_is_rewritten_by_the_model(ask_model, server):
    answered = says("The Shumar Dam is 68 metres high [{n}].")
    assistant = ask_model("How high is the Shumar Dam?", answered)
    answer = assistant.ask("And how high is it?", history=[Turn("Who opened the Shumar Dam?")])
    assert answer.standalone == "How high is the Shumar Dam?"
    assert "Who opened the Shumar Dam?" in server.seen[0]["messages"][1]["content"]
    failing = ask_model(Reply(status=400), answered)
    answer = failing.ask("And how high is it?", history=[Turn("Who opened the Shumar Dam?")])
    assert answer.standalone == "Who opened the Shumar Dam? And how high is it?"


def test_what_a_model_thinks_aloud_is_not_shown(ask_model):
    unopened = "The Shumar Dam is 68 metres high [{n}]. I must say so.\n</think>\n"
    thought = "<think>The Shumar Dam is 68 metres high [{n}]. So I say so.</think>\n\n"
    told = "The Shumar Dam is 68 metres high [{n}]."
    assert ask_model(says(thought + told)).ask(DAM).text == "The Shumar Dam is 68 metres high. [1]"
    assert "must" not in ask_model(says(unopened + told)).ask(DAM).text


def test_stopping_closes_the_connection(ask_model, server):
    sentence = "The Shumar Dam is 68 metres high [{n}]. "
    assistant = ask_model(lambda m: Reply(says(sentence * 200)(m), pause=0.01))
    stream, before = assistant.stream(DAM), server.broken_off
    assert next(stream).startswith("The Shumar Dam")
    stream.close()
    wait_until(lambda: server.broken_off > before)


def test_the_async_form_can_be_cancelled(ask_model, server):
    assistant = ask_model(lambda m: Reply(says("The Shumar Dam [{n}]. " * 300)(m), pause=0.02))
    before = server.broken_off

    async def cancel():
        task = asyncio.create_task(assistant.aask(DAM))
        while not server.seen:
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    wait_until(lambda: server.broken_off > before)


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


NAMES = [
    "Halabi",
    "Whitcombe",
    "Karlsen",
    "Okonkwo",
    "Petrov",
    "Alvarez",
    "Yamada",
    "Ferreira",
    "Novak",
    "Duarte",
]
NAMES_AR = [
    "الحلبي",
    "ويتكومب",
    "كارلسن",
    "أوكونكو",
    "بتروف",
    "ألفاريز",
    "يامادا",
    "فيريرا",
    "نوفاك",
    "دوارتي",
]
LIES = {
    "en": (
        "The Shumar Dam is {number} metres high [{n}].",
        "The Shumar Dam cost {number} million dinars [{n}].",
        "The Shumar Dam was opened by Minister {name} [{n}].",
        "According to {name}, the Shumar Dam is 68 metres high [{n}].",
        "The dam was opened on {day} August 2019 [{n}].",
    ),
    "ar": (
        "يبلغ ارتفاع سد شمر {number} مترًا [{n}].",
        "كلف سد شمر {number} مليون دينار [{n}].",
        "افتتح الوزير {name} سد شمر [{n}].",
        "وبحسب {name}، يبلغ ارتفاع سد شمر 68 مترًا [{n}].",
        "افتتح السد في {day} آب 2019 [{n}].",
    ),
}


def test_nothing_that_a_model_invents_reaches_a_reader_unmarked(ask_model):
    """A hundred inventions, among true statements, cited to sentences that are there."""
    generator = random.Random(5)
    for number in range(100):
        language = ("en", "ar")[number % 2]
        name = generator.choice(NAMES if language == "en" else NAMES_AR)
        invented = {"number": generator.randrange(700, 9_000), "day": generator.randrange(20, 29)}
        lie = LIES[language][number // 2 % 5]
        true = (
            "The Shumar Dam is 68 metres high [{n}]. "
            if language == "en"
            else "يبلغ ارتفاع سد شمر 68 مترًا [{n}]. "
        )

        def reply(messages, text=true + lie, name=name, invented=invented):
            return text.format(n=number_of(messages, "68"), name=name, **invented)

        mark = "mark" if number % 4 > 1 else "remove"
        question = DAM if language == "en" else DAM_AR
        settings = {"unsupported": mark, "llm_window": 1_500}  # short prompts, as there are many
        answer = ask_model(reply, **settings).ask(question)
        shown = re.sub(r"[^.]*\. \[(?:unverified|غير مؤكد)\]", "", answer.text)
        assert "68" in shown, (number, answer.text)
        for word in (name, str(invented["number"]), "2019"):
            assert word not in shown, (number, answer.text)


@pytest.mark.parametrize("name", ["nosuch", "nosuch:model", "openai"])
def test_a_model_that_cannot_be_opened_is_one_clear_line(name):
    with pytest.raises(SettingsError, match=f"model '{name}' cannot be opened") as caught:
        ChatModel(load_settings(llm=name))
    assert "\n" not in str(caught.value)


def test_a_reply_longer_than_half_the_window_is_refused():
    with pytest.raises(SettingsError, match="leaves no room"):
        load_settings(llm_window=1_024, llm_answer_tokens=900)
