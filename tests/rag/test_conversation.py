import pytest

from eval.conversations import found, read_follow_ups
from rag.conversation import leans, standalone
from rag.types import Turn


def test_most_follow_ups_are_told_from_new_questions():
    follow_ups = list(read_follow_ups())
    assert len({one.conversation_id for one in follow_ups}) >= 60
    told = [leans(one.question) == one.leans for one in follow_ups]
    assert sum(told) >= 0.95 * len(told)


def test_a_long_conversation_keeps_its_subject_and_not_all_that_was_asked():
    history = [Turn("How high is the Shumar Dam?")]
    history += [Turn(f"And what about point {n}?") for n in range(9)]
    text = standalone("Who said so?", history)
    assert text.startswith("How high is the Shumar Dam?")
    assert text.endswith("point 8? Who said so?")
    assert "point 5" not in text


def test_a_new_subject_drops_the_old_one():
    history = [Turn("How high is the Shumar Dam?"), Turn("Why?")]
    question = "Who won the Marsana Cup final in Baydara?"
    assert standalone(question, history) == question


@pytest.mark.encoder
def test_rewriting_finds_more_articles(sample):
    leaning = [one for one in read_follow_ups() if one.leans and one.split == "test"][::3]
    alone = [found(sample, one.question, one.article_ids) for one in leaning]
    rewritten = [
        found(sample, standalone(one.question, one.history), one.article_ids) for one in leaning
    ]
    assert sum(rewritten) - sum(alone) >= 0.25 * len(leaning)
