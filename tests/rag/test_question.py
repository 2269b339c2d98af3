import pytest

from rag.question import answer_type, holds


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When did the dam open?", "date"),
        ("In which year was it built?", "date"),
        ("How high is the Shumar Dam?", "number"),
        ("What is the population of Baydara?", "number"),
        ("Who designed Terminal 2?", ""),
        ("What happened then?", ""),
        ("متى افتُتح السد؟", "date"),
        ("في أي عام بُني؟", "date"),
        ("كم يبلغ ارتفاع سد شُمر؟", "number"),
        ("ما نسبة المشاركة في الانتخابات؟", "number"),
        ("بكم بيعت اللوحة؟", "number"),
        ("من صمم المبنى؟", ""),
        ("لماذا تأخر؟", ""),
    ],
)
def test_what_a_question_asks_for(question, kind):
    assert answer_type(question) == kind


@pytest.mark.parametrize(
    ("kind", "sentence", "question", "expected"),
    [
        ("number", "The dam is 68 metres high.", "How high is it?", True),
        ("number", "Nine people were freed.", "How many were freed?", True),
        ("number", "It opened in 1995.", "How many opened?", False),
        ("number", "Terminal 2 is new.", "How many pass through Terminal 2?", False),
        ("number", "بلغ عددهم ٣٨ شخصاً.", "كم عددهم؟", True),
        ("number", "قُتل ثلاثة أشخاص.", "كم قُتل؟", True),
        ("date", "It opened in May.", "When did it open?", True),
        ("date", "افتُتح في تشرين الأول الماضي.", "متى افتُتح؟", True),
        ("date", "It opened late.", "When did it open?", False),
        ("", "It opened in May 1995.", "Why?", False),
    ],
)
def test_what_a_sentence_holds(kind, sentence, question, expected):
    assert holds(kind, sentence, question) is expected
