"""Sentences of articles that speak to a language model rather than to a reader.

They are kept from the model, and stay in the article and in its quotes: text is data. This is one
guard of several; what a model writes is checked against its sources whatever it was told.
"""

import re
import unicodedata

from index.normalize import fold

_INSTRUCTION = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instruction|prompt|rule|context|source|"
    r"above|previous|prior)|\b(?:system|hidden|initial|developer) (?:prompt|message|instruction)|"
    r"\byou are (?:now|no longer)\b|\bas an? (?:ai|language model|assistant)\b|"
    r"(?:^|[^\w\s] ?|\b(?:please|must|should|and|now|only) )"
    r"(?:reply|respond|answer|output|print|say|write)\b.{0,30}\b(?:only|exactly|with the word|"
    r"in (?:arabic|english|french))|\b(?:ai|chat|helpful) ?(?:assistant|bot)s?\b|"
    r"\b(?:to|dear|the|any) (?:assistant|chatbot|language model|llm)s?\b(?! \w+ (?:of|for))"
    r"[^.]{0,40}"
    r"\b(?:must|should|shall|please|cite|reply|answer|respond|say)\b|"
    r"\b(?:cite|credit|attribute)\b.{0,40}\b(?:instead|source|article)|"
    r"\b(?:end|begin(?:ning)?|start) of (?:the )?(?:sources?|context|articles?|documents?)\b|"
    r"^\W*(?:system|user|assistant|human)\s*:|\btool_?calls?\b|"
    r"\"(?:function|arguments)\"\s*:\s*[{\"]|"
    r"(?<!\w)(?:تجاهل|انس|اهمل|تخط)(?:ي|وا)?\s+(?:كل|جميع|كافه|كامل|ما|هذه|اي)?\s*(?:ما\s+)?"
    r"(?:ال)?(?:تعليمات|اوامر|سياق|مصادر|سبق|قواعد|توجيهات|نصوص)|"
    r"(?<!\w)(?:(?:رساله|موجه) النظام|تعليمات (?:المطور|مخفيه|خفيه))|"
    r"(?<!\w)(?:ايها|يا) (?:المساعد|النموذج|البرنامج|الذكاء)|"
    r"(?<!\w)(?:المساعد الذكي|نموذج اللغه|النموذج اللغوي|الذكاء الاصطناعي،? )"
    r"[^.]{0,40}(?<!\w)(?:عليك|اجب|اذكر|قل|لا تذكر|استشهد)(?!\w)|"
    r"(?:^|[^\w\s]\s?|(?<!\w)(?:ثم|بل|الان) )[وف]?(?:اجب|رد|اكتب|قل|اطبع|اذكر)(?!\w).{0,30}"
    r"(?<!\w)(?:فقط|حصرا|بكلمه|بالانجليزيه|بالعربيه|بالفرنسيه|حرفيا)|"
    r"^\W*(?:النظام|المستخدم|المساعد)\s*:|(?<!\w)نهايه (?:المصادر|السياق|المقالات)"
)
_MARKUP = re.compile(
    r"<\|.*?\|>|\[/?INST\]|<</?SYS>>|</?\w[^<>]*>|#{2,}\s*(?:System|Instruction)|```|!\[|\]\(|"
    r"\b(?:javascript|data|vbscript):",
    re.IGNORECASE,
)
_BRACKETS = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")", "【": "(", "】": ")", "`": "'"})


def addresses_a_model(sentence: str) -> bool:
    """Whether a sentence of an article gives instructions, or poses as part of a conversation."""
    return bool(_MARKUP.search(sentence) or _INSTRUCTION.search(fold(sentence)))


def as_data(text: str) -> str:
    """Text of an article or a reader on one line, in which no mark of a prompt can be forged."""
    shown = "".join(
        " " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c
        for c in text
        if unicodedata.category(c) not in ("Cf", "Co", "Cn", "Cs")
    )
    return " ".join(shown.translate(_BRACKETS).split())
