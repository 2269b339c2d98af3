"""What kind of answer a question asks for, and whether a sentence has anything of that kind."""

import re
from functools import cache, lru_cache
from typing import Literal

from index.dates import month_numbers
from index.normalize import fold

AnswerType = Literal["number", "date", ""]

# Matched in this order against the folded question.
_ASKS: tuple[tuple[AnswerType, str], ...] = (
    (
        "date",
        r"\bwhen\b|\b(?:what|which)\s+(?:year|date|day|month|century|decade)s?\b"
        r"|\bhow\s+long\s+ago\b|\bمتي\b|\b(?:اي|ايه)\s+(?:عام|سنه|تاريخ|يوم|شهر|قرن|عقد)\b|\bما\s+(?:تاريخ|موعد)\b",
    ),
    (
        "number",
        r"\bhow\s+(?:many|much|high|tall|long|far|deep|old|big|large|heavy|fast|wide|often)\b"
        r"|\b(?:what|which)\s+(?:is\s+|was\s+|were\s+|are\s+)?(?:the\s+)?(?:total\s+|average\s+)?"
        r"(?:percentage|proportion|share|number|amount|height|length|width|depth|price|cost|age|"
        r"temperature|fraction|population|area|size|weight|value|budget|capacity|score|rate)\b"
        r"|\b(?:ب)?كم\b|\bما\s+(?:هو\s+|هي\s+)?(?:عدد|نسبه|ارتفاع|طول|عرض|عمق|سعر|قيمه|مساحه|عمر|حجم|"
        r"مبلغ|تكلفه|معدل|وزن|ميزانيه|سعه|نتيجه|ثمن|درجه)\b",
    ),
)
_WHAT_HAPPENED = re.compile(
    r"\bwhat\s+(?:has\s+)?happen(?:ed|s)?\b|\bwhat\s+(?:went\s+on|took\s+place)\b|\btimeline\b"
    r"|\b(?:ماذا|ما\s+الذي|وماذا)\s+(?:حدث|جري|حصل|وقع)\b|\bتسلسل\b"
)
_NUMBER_WORDS = frozenset(
    fold(
        """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
        sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
        hundred hundreds thousand thousands million millions billion billions trillion half third
        quarter dozen dozens twice per percent
        واحد واحدة اثنان اثنين اثنتان اثنتين ثلاث ثلاثة اربع اربعة خمس خمسة ست ستة سبع
        سبعة ثمان ثماني ثمانية تسع تسعة عشر عشرة عشرون عشرين ثلاثون ثلاثين اربعون اربعين
        خمسون خمسين ستون ستين سبعون سبعين ثمانون ثمانين تسعون تسعين مئة مائة مئتان مئتين
        مائتين مئات الف الفا الفين الاف مليون ملايين مليونين مليار مليارات تريليون نصف
        ثلث ربع ثلثي عشرات بالمئة بالمائة المئة المائة"""
    ).split()
)
_WORD = re.compile(r"\d+(?:[.,]\d+)*|\w+")
_YEAR = re.compile(r"(?:1[0-9]|20)\d\d")


@lru_cache(maxsize=1_000)
def answer_type(question: str) -> AnswerType:
    """The kind of answer asked for, "" where it cannot be told."""
    folded = fold(question)
    return next((kind for kind, pattern in _ASKS if re.search(pattern, folded)), "")


def asks_what_happened(question: str) -> bool:
    """Whether events are asked for, which are told in order."""
    return bool(_WHAT_HAPPENED.search(fold(question)))


def holds(kind: AnswerType, sentence: str, question: str) -> bool:
    """Whether the sentence has something of that kind that the question has not."""
    words = set(_WORD.findall(fold(sentence))) - set(_WORD.findall(fold(question)))
    if kind == "date":
        return any(_YEAR.fullmatch(word) or word in _calendar() for word in words)
    return kind == "number" and any(_is_amount(word) for word in words)


def _is_amount(word: str) -> bool:
    return word in _NUMBER_WORDS or (word[0].isdigit() and not _YEAR.fullmatch(word))


@cache
def _calendar() -> frozenset[str]:
    return frozenset(name.split()[0] for name in month_numbers())
