"""True statements said otherwise than their source says them."""

import random
import re
from collections.abc import Callable

from eval.support.words import (
    DAYS,
    END,
    MONTHS,
    NUMBER,
    START,
    TO_ARABIC_DIGITS,
    WORD_NUMBERS,
    plain_digits,
)
from index.types import Language

_HAMZA = str.maketrans("أإآ", "ااا", "\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652")

# What begins a sentence and can go, with what must follow for the rest to be one. A time can go, a
# place cannot: what holds of it may not hold of others.
_TIME = {
    "en": rf"\d|century|year|month|week|morning|night|{'|'.join(row[0] for row in MONTHS + DAYS)}",
    "ar": rf"\d|قرن|عام|سنة|شهر|أسبوع|صباح|ليلة|{'|'.join(n for row in DAYS for n in row[1:])}",
}
_OPENING: dict[Language, re.Pattern[str]] = {
    "en": re.compile(
        r"^(?:(?:On|In|At|During|Throughout|By|Since|As of)\b"
        rf"(?=[^,;:\"“”]*(?:{_TIME['en']}))[^,;:\"“”]{{2,60}}|"
        r"(?:After|Following|Despite)\b(?! (?:which|whom))[^,;:\"“”]{2,60}|"
        r"However|Meanwhile|Also|Additionally|Moreover|Furthermore|Similarly|In addition|"
        r"For (?:example|instance)|Recently|Today|Later|Earlier[^,]{0,25}|Then|Indeed|Eventually), "
        r"(?=(?:the|a|an|he|she|it|they|there|his|her|its|their|this|that|these|[A-Z]\w+ "
        r"(?:is|was|has|had|were|are|will|would|said|became|began))\b)"
        r"(?![^,]*, (?:and|or)\b)"
    ),
    "ar": re.compile(
        r"^(?:(?:[وف]?(?:في|خلال|منذ|بحلول|أثناء)\b"
        rf"(?=[^،؛:\"]*(?:{_TIME['ar']}))[^،؛:\"]{{2,60}})|"
        r"[وف]?(?:بعد|على الرغم من|رغم|بالإضافة إلى|إضافة إلى)\b[^،؛:\"]{2,60}|"
        r"ومع ذلك|وبالتالي|و?في الواقع|و?علاوة على ذلك|حالي[اً]+|مؤخر[اً]+) ?،\s*"
        r"(?=(?:كان|كانت|تم|تمت|أصبح|أصبحت|بدأ|بدأت|قام|قامت|أعلن|أعلنت|قال|قالت|هناك|يوجد|توجد|"
        r"يمكن|لم|لا|لن|ليس|اعتبر|حصل|فاز|وصل|يعتبر|تعتبر|يتم|تتم|قد|ال\w+) )"
    ),
}
_INSIDE: dict[Language, re.Pattern[str]] = {
    "en": re.compile(
        r" \([^()]*\)|, (?:which|where) (?!in turn)[^,;:()\"“”]*(?=\.$)"
        r"|, (?:officials|police|authorities|a spokesman|a spokeswoman|the (?:ministry|agency|"
        r"police|company) |[A-Z]\w+) (?:said|added|says|told \w+)(?=\.$)"
    ),
    "ar": re.compile(
        r"(?<!عامي)(?<!عام)(?<!سنة) \([^()]*\)"
        r"|، (?:حيث|والتي|والذي|التي|الذي|كما أضاف|كما قال|حسبما)[^،؛:()\"]*(?=\.$)"
    ),
}
_REPORTED = re.compile(
    r"^و?(?:قال|قالت|ذكر|ذكرت|أفاد|أفادت|صرح|صرحت|أعلن|أعلنت|أكد|أكدت)(?: \w+){1,4} (?:إن|بأن|أن) "
    r"(?=ال\w*(?<!ين)(?<!ان) )"
)
_SYNONYMS: dict[Language, tuple[tuple[str, str], ...]] = {
    "en": (
        (r"began to", "started to"),
        (r"started to", "began to"),
        (r"children", "kids"),
        (r"(?:about|around)(?= \d)", "approximately"),
        (r"approximately", "about"),
        (r"nearly(?= \d)", "almost"),
        (r"located", "situated"),
        (r"purchased", "bought"),
        (r"bought", "purchased"),
        (r"close to(?= [A-Z])", "near"),
        (r"entire", "whole"),
        (r"often", "frequently"),
        (r"currently", "at present"),
        (r"usually", "normally"),
        (r"physicians", "doctors"),
        (r"film", "movie"),
        (r"movie", "film"),
        (r"difficult", "hard"),
        (r"attempted to", "tried to"),
        (r"tried to", "attempted to"),
        (r"large(?=r? [a-z])", "big"),
        (r"several", "a number of"),
        (r"although", "though"),
        (r"such as", "like"),
        (r"in order to", "to"),
        (r"as well as", "and also"),
        (r"(?<=[a-z] )per cent", "percent"),
        (r"said(?= (?:he|she|it|they|the|that)\b)", "stated"),
        (r"(is|was|are|were|did|does|do|has|have|had|would|could|should)n't", r"\1 not"),
        (r"due to", "because of"),
        (r"because of", "due to"),
        (r"prior to", "before"),
        (r"(is|are|was|were) called", r"\1 known as"),
        (r"(is|are|was|were) known as", r"\1 called"),
        (r"along with", "together with"),
        (r"reporters", "journalists"),
        (r"more than(?= \d)", "over"),
        (r"the EU", "the European Union"),
        (r"the UK", "the United Kingdom"),
        (r"the U\.?S\.?(?= [a-z])", "the United States"),
        (r"the United States(?= [a-z]|[.,])", "the US"),
        (r"throughout the", "all through the"),
        (r"consists of", "is made up of"),
        (r"primarily", "mainly"),
        (r"mainly", "primarily"),
    ),
    "ar": (
        (r"عام(?= \d)", "سنة"),
        (r"سنة(?= \d)", "عام"),
        (r"(?<!من )خلال", "أثناء"),
        (r"أثناء", "خلال"),
        (r"حوالي(?= \d)", "نحو"),
        (r"(?<!على )نحو(?= \d)", "حوالي"),
        (r"بسبب", "جراء"),
        (r"عندما", "حين"),
        (r"أيض[اً]+", "كذلك"),
        (r"جد[اً]+(?=[ .،])", "للغاية"),
        (r"العديد(?= من)", "الكثير"),
        (r"الكثير(?= من)", "العديد"),
        (r"حالي[اً]+(?=[ .،])", "في الوقت الراهن"),
        (r"وقال", "وذكر"),
        (r"وقالت", "وذكرت"),
        (r"أصبح(?= )", "صار"),
        (r"أصبحت(?= )", "صارت"),
        (r"بالإضافة إلى", "إضافة إلى"),
        (r"غالب[اً]+(?= ما)", "في الغالب"),
        (r"من أجل", "بغية"),
        (r"كان قد", "كان"),
        (r"بالقرب من", "على مقربة من"),
        (r"فقط(?=[ .،])", "فحسب"),
        (r"مختلف(?= ال)", "شتى"),
        (r"الولايات المتحدة الأمريكية", "الولايات المتحدة"),
        (r"أكثر من(?= \d)", "ما يزيد على"),
        (r"بشكل كبير", "كثيرًا"),
        (r"من قبل(?= ال)", "من جانب"),
    ),
}
_REWORDINGS: dict[Language, list[tuple[re.Pattern[str], str]]] = {
    language: [(re.compile(f"{START}(?:{pattern}){END}"), other) for pattern, other in rules]
    for language, rules in _SYNONYMS.items()
}
_ATTRIBUTION: dict[Language, tuple[str, ...]] = {
    "en": ("According to the report, ", "The article says that "),
    "ar": ("بحسب التقرير، ", "وفقًا للمقال، "),
}
_LOWERED = re.compile(
    r"^(?:The|A|An|He|She|It|They|There|In|On|At|His|Her|Its|Their|This|These|Some|Many|After|"
    r"During|About|Police|Officials|More|Most|As)\b"
)
_AND_BEFORE = re.compile(
    r"^و(?=(?:قال|قالت|أضاف|أضافت|تم|كان|كانت|أكد|أكدت|أشار|أشارت|في|هو|هي|لم|لا|صرح|صرحت|ذكر|ذكرت|"
    r"قد|من|على|أعلن|أعلنت) )"
)

Way = Callable[[str, Language, random.Random], str | None]


def shorten(text: str, language: Language, generator: random.Random) -> str | None:
    """Without its opening phrase, what stands in brackets, or who reported it."""
    short = _INSIDE[language].sub("", text)
    short = _OPENING[language].sub("", short)
    if language == "ar":
        short = _REPORTED.sub("", short)
    else:
        short = re.sub(r"^(?:And|But|So) (?=\w)", "", short)
    if short == text or len(short.split()) < 5:
        return None
    return short[0].upper() + short[1:]


def rewrite_numbers(text: str, language: Language, generator: random.Random) -> str | None:
    """The same numbers in other digits, other separators or as words."""
    ways = [_other_digits, _words_for_digits, _digits_for_words]
    for way in generator.sample(ways, len(ways)):
        new = way(text, language)
        if new != text:
            return new
    return None


def _other_digits(text: str, language: Language) -> str:
    if language == "ar":
        return NUMBER.sub(lambda match: match.group().translate(TO_ARABIC_DIGITS), text)
    text = re.sub(r"(?<=\d)%", " percent", text)
    return re.sub(
        r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d.])", lambda m: plain_digits(m.group()), text
    )


_SMALL = [str(n) for n in range(3, 13)]


def _words_for_digits(text: str, language: Language) -> str:
    if language == "ar":
        return re.sub(r"(?<=\d)%", " في المئة", text)
    named_words = WORD_NUMBERS["en"][0]

    def named(match: re.Match[str]) -> str:
        value = match.group()
        return named_words[int(value) - 3] if value in _SMALL else value

    return re.sub(
        rf"(?<=[a-z] ){NUMBER.pattern}(?= (?!million|billion|per|a\.m|p\.m|[a-z]m\b)[a-z]{{3}})",
        named,
        text,
    )


def _digits_for_words(text: str, language: Language) -> str:
    row = WORD_NUMBERS[language][0]
    pattern = (
        rf"{START}(?<!-)(?:{'|'.join(row)}){END}"
        r"(?= (?!of\b|in\b|من\b|ال|مليار|مليون|million|billion|thousand|hundred)[^\W\d])"
    )
    found = re.sub(pattern, lambda m: str(row.index(m.group()) + 3), text)
    # A sentence does not begin with a digit.
    return text if found[0].isdigit() else found


def rewrite_date(text: str, language: Language, generator: random.Random) -> str | None:
    """The other Arabic name of a month; day and month the other way round in English."""
    if language == "en":
        months = "|".join(row[0] for row in MONTHS)
        new = re.sub(rf"\b({months}) (\d\d?)\b(?!,? \d\d\b)(?:, (?=\d{{4}}))?", r"\2 \1 ", text)
        new = re.sub(r" {2,}| (?=[.,;])", lambda m: " " if len(m.group()) > 1 else "", new)
        if new == text:
            new = re.sub(rf"\b(\d\d?) ({months})\b", r"\2 \1", text)
            new = re.sub(rf"\b((?:{months}) \d\d?) (?=\d{{4}})", r"\1, ", new)
        return None if new == text else new
    other = {name: row[3 - at] for row in MONTHS for at, name in enumerate(row) if at}
    # مارس and آب are also other words.
    pattern = rf"(?<=\d )(?:{'|'.join(other)}){END}(?!/)|(?<=شهر )(?:{'|'.join(other)}){END}(?!/)"
    new = re.sub(pattern, lambda match: other[match.group()], text)
    return None if new == text else new


def respell(text: str, language: Language, generator: random.Random) -> str | None:
    """Arabic without hamza seats and vowel marks, as many write it."""
    new = text.translate(_HAMZA) if language == "ar" else text
    return None if new == text else new


def reword(text: str, language: Language, generator: random.Random) -> str | None:
    """A word or phrase put for another that means the same."""
    rules = _REWORDINGS[language]
    for pattern, other in generator.sample(rules, len(rules)):
        new = pattern.sub(other, text)
        if new != text:
            return new
    return None


def attribute(text: str, language: Language, generator: random.Random) -> str | None:
    """The statement as what the article says."""
    if language == "en":
        if not _LOWERED.match(text):
            return None
        text = text[0].lower() + text[1:]
    else:
        text = _AND_BEFORE.sub("", text)
        if text.startswith("و"):
            return None
    return generator.choice(_ATTRIBUTION[language]) + text


WAYS: dict[str, Way] = {
    "shortened": shorten,
    "number": rewrite_numbers,
    "date": rewrite_date,
    "spelling": respell,
    "words": reword,
    "attributed": attribute,
}
