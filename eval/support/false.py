"""Statements made false in one respect, honestly: still a sentence, and not true of its source.

Each change takes a true statement and gives a false one, or None where it cannot be done well.
What makes a change only a weakening ("more than 135" to "more than 120", "since 1990" to "since
1995") is left alone.
"""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from eval.support.names import Name, found_in, replaced
from eval.support.words import (
    DAYS,
    END,
    MONTHS,
    NUMBER,
    START,
    TO_ARABIC_DIGITS,
    WORD_NUMBERS,
    plain_digits,
    values,
)
from index.normalize import fold
from index.types import Language

# With these before it, a number or date may become another and the statement stay true.
_BOUND_BEFORE = re.compile(
    r"\b(?:more|less|fewer|greater|least|most|over|under|above|below|than|up to|nearly|almost|"
    r"since|before|after|until|till|by|أكثر|أقل|يقل|تقل|يزيد|تزيد|الأقل|الأكثر|فوق|دون|تجاوز\w*|يتجاوز|"
    r"تتجاوز|حتى|[تي]صل إلى|منذ|قبل|بعد|بحلول)\W+(?:[\w\u064b-\u0652]+[ -]){0,6}\W?$",
    re.IGNORECASE,
)
_BOUND_AFTER = re.compile(r"\W*(?:\w+\W+){0,2}(?:or (?:more|older|less)|فأكثر|على الأقل|at least)")
_YEAR = re.compile(r"(?<![\w.,/–-])(?:1[1-9]|20)\d\d(?![\w/–-]|[.,٫]\d)")
_YEAR_BEFORE = re.compile(
    rf"(?:\b(?:in|of|during|year|early|late|mid|{'|'.join(m[0] for m in MONTHS)})"
    rf"(?: \d\d?)?,?|(?:عام|سنة|العام|شهر|{'|'.join(n for m in MONTHS for n in m[1:])})،?)\s$"
)
_AFTER_MONTH_NAME = re.compile(r"\b(?:in|last|this|of|early|late|mid|\d\d?) $")


@dataclass(frozen=True, slots=True)
class Setting:
    """What a change may look at.

    Attributes:
        known: The source and what it is a translation of, in all languages that there are.
        own: Names of the statement's document.
        others: Names of all documents.
    """

    known: str
    own: Sequence[Name]
    others: Sequence[Name]


Change = Callable[[str, Language, Setting, random.Random], str | None]


def change_number(
    text: str, language: Language, setting: Setting, generator: random.Random
) -> str | None:
    """Another number in digits, of the same form and grammar."""
    taken = values(setting.known + " " + text)
    for match in _in_random_order(NUMBER, text, generator):
        before, after = text[: match.start()], text[match.end() :]
        if _YEAR.fullmatch(plain_digits(match.group())) or _is_bound(before, after):
            continue
        new = _other_number(match.group(), taken, generator)
        if new:
            return before + new + after
    return None


def _other_number(number: str, taken: set[str], generator: random.Random) -> str | None:
    whole, _, part = plain_digits(number).partition(".")
    value = int(whole)
    # Counted nouns agree with 3 to 10, 11 to 99 and the last two digits of what is larger; what is
    # round stays round.
    if value >= 100:
        unit = max(100, 10 ** (len(whole) - len(whole.rstrip("0"))))
        head, tail = divmod(value, unit)
        lowest = 10 ** (len(str(head)) - 1)
        around = range(max(lowest, head // 3), min(10 * lowest, 3 * head + 1))
        near = [unit * h + tail for h in around if abs(h - head) * 5 >= head]
    elif value > 10:
        near = [n for n in range(11, 100) if value <= 5 * abs(n - value) <= 4 * value]
    else:
        near = [n for n in range(3, 11) if abs(n - value) > 1] if value > 2 else []
    texts = [f"{n}.{part}" if part else str(n) for n in near]
    texts = [text for text in texts if text not in taken]
    if not texts or (number.isdigit() and whole.startswith("0")):
        return None
    chosen = generator.choice(texts)
    if re.search("[,٬]", number):
        chosen = f"{int(chosen.partition('.')[0]):,}" + chosen[len(chosen.partition(".")[0]) :]
    arabic = any("٠" <= digit <= "٩" for digit in number)
    return chosen.translate(TO_ARABIC_DIGITS) if arabic else chosen


def change_number_word(
    text: str, language: Language, setting: Setting, generator: random.Random
) -> str | None:
    """Another number in words, or another power of ten."""
    words = {word: row for row in WORD_NUMBERS[language] for word in row}
    pattern = re.compile(rf"{START}(?<!-){_any(words)}{END}(?!-(?!year))(?= \w|-)")
    for match in _in_random_order(pattern, text, generator):
        before, after = text[: match.start()], text[match.end() :]
        known = set(re.findall(r"\w+", fold(setting.known + " " + text)))
        rivals = [word for word in words[match.group()] if fold(word) not in known]
        if rivals and not _is_bound(before, after):
            return before + generator.choice(rivals) + after
    return None


def change_date(
    text: str, language: Language, setting: Setting, generator: random.Random
) -> str | None:
    """Another year, month or day of the week."""
    return _change_year(text, setting, generator) or _change_calendar(
        text, language, setting, generator
    )


def _change_year(text: str, setting: Setting, generator: random.Random) -> str | None:
    taken = values(setting.known + " " + text)
    for match in _in_random_order(_YEAR, text, generator):
        before, after = text[: match.start()], text[match.end() :]
        year = int(match.group())
        near = [y for y in range(year - 9, min(year + 10, 2020)) if str(y) not in taken]
        if near and _YEAR_BEFORE.search(before) and not _BOUND_BEFORE.search(before):
            new = str(generator.choice(near))
            arabic = "٠" <= match.group()[0] <= "٩"
            return before + (new.translate(TO_ARABIC_DIGITS) if arabic else new) + after
    return None


def _change_calendar(
    text: str, language: Language, setting: Setting, generator: random.Random
) -> str | None:
    known = setting.known + " " + text
    for rows in (MONTHS, DAYS):
        own = {name: name_row for name_row in rows for name in _names(name_row, language)}
        pattern = re.compile(rf"{START}(?<!/){_any(own)}{END}(?! [A-Z]|/)")
        for match in _in_random_order(pattern, text, generator):
            before, after = text[: match.start()], text[match.end() :]
            # March and May are words too, and so is مارس.
            dated = re.match(r"[ ,،]*\d", after) or _AFTER_MONTH_NAME.search(before)
            if _BOUND_BEFORE.search(before) or (
                match.group() in ("March", "May", "مارس") and not dated
            ):
                continue
            form = _names(own[match.group()], language).index(match.group())
            rivals = [
                _names(row, language)[min(form, len(_names(row, language)) - 1)]
                for row in rows
                if not any(name in known for name in row)
            ]
            if rivals:
                return before + generator.choice(rivals) + after
    return None


def _names(row: Sequence[str], language: Language) -> Sequence[str]:
    return row[:1] if language == "en" else row[1:]


def change_name(
    text: str, language: Language, setting: Setting, generator: random.Random
) -> str | None:
    """Another person (of the same document if there is one), country or city."""
    mentioned = [name for name in setting.own if found_in(name, text, language)]
    for name in generator.sample(mentioned, len(mentioned)):
        for pool in (setting.own, setting.others) if name.is_person else (setting.others,):
            rivals = [other for other in pool if _may_replace(other, name, text, language, setting)]
            if rivals:
                return replaced(name, generator.choice(rivals), text, language)
    return None


def _may_replace(other: Name, name: Name, text: str, language: Language, setting: Setting) -> bool:
    kind = "city" if name.kind == "place" else name.kind
    if other.kind != kind or not other.form(language):
        return False
    # A place of the same source may lie in the other.
    if not name.is_person and (other in setting.own or other.en in setting.known):
        return False
    shared = set(fold(other.en).split()) & set(fold(name.en).split())
    return not shared and not found_in(other, text, language)


def swap_roles(
    text: str, language: Language, setting: Setting, generator: random.Random
) -> str | None:
    """Two people or two countries change places around what one did to the other."""
    found = [name for name in setting.own if found_in(name, text, language)]
    pairs = [
        (a, b)
        for a in found
        for b in found
        if a.en < b.en and (a.kind == b.kind) and not set(a.en.split()) & set(b.en.split())
    ]
    for a, b in generator.sample(pairs, len(pairs)):
        first, second = _forms(a, language), _forms(b, language)
        between = re.search(
            f"{START}(?:{first}){END}(.*?){START}(?:{second}){END}"
            f"|{START}(?:{second}){END}(.*?){START}(?:{first}){END}",
            text,
        )
        if between and _ONE_WAY[language].search(between[1] or between[2] or ""):
            third = _NOBODY if a.is_person else _NOWHERE
            for old, new in ((a, third), (b, a), (third, b)):
                text = replaced(old, new, text, language) or text
            return text
    return None


_NOBODY, _NOWHERE = Name("man", "Qqq Zzz", "ققق ظظظ"), Name("country", "Zzz", "ظظظ")
_ONE_WAY: dict[Language, re.Pattern[str]] = {
    "en": re.compile(
        r"^(?!.*\b(?:and|or|with|between|met|;)\b).*\b(?:told|beat|defeated|accused|praised|"
        r"replaced|succeeded|asked|blamed|over|invaded|attacked|sold|gave|to|from|by|for|of)\b"
    ),
    "ar": re.compile(r"^(?!.*(?:\bو\b|\bمع\b|\bبين\b|\bأو\b| و$)).*\b(?:إلى|من|على|ضد|عن)\b"),
}


def _forms(name: Name, language: Language) -> str:
    return "|".join(re.escape(form) for form in (name.form(language), name.surname(language)))


def invent(text: str, language: Language, setting: Setting, generator: random.Random) -> str | None:
    """A clause at the end with a name or number that no source has."""
    if not re.search(r"[\w%]\.$", text) or _ATTRIBUTED.search(text):
        return None
    strangers = [n for n in setting.others if n.is_person and n.ar and n not in setting.own]
    cities = [n for n in setting.others if n.kind == "city" and n.en not in setting.known]
    person, city = generator.choice(strangers), generator.choice(cities)
    tail = generator.choice(_TAILS[language]).format(
        person=person.form(language),
        city=city.form(language),
        n=generator.randrange(23, 98),
        day=generator.randrange(3, 29),
        month=generator.choice(MONTHS)[0 if language == "en" else 1],
        year=generator.randrange(2003, 2017),
        said="قال" if person.kind == "man" else "قالت",
        denied="ينفيه" if person.kind == "man" else "تنفيه",
    )
    return text[:-1] + tail


_ATTRIBUTED = re.compile(
    r"\b(?:said|says|told|according|added|reported|وفق\w*|بحسب|حسب\w*|قال|قالت|أضاف\w*|صرح\w*)\b",
    re.IGNORECASE,
)
_TAILS: dict[Language, tuple[str, ...]] = {
    "en": (
        ", according to {person}.",
        ", as {person} told reporters in {city}.",
        ", {n} witnesses told reporters.",
        ", a report dated {day} {month} {year} says.",
        ", a claim that {person} denies.",
    ),
    "ar": (
        "، وفقًا لما {said} {person}.",
        "، كما {said} {person} للصحفيين في {city}.",
        "، حسبما قال {n} شاهدًا للصحفيين.",
        "، بحسب تقرير صدر في {day} {month} {year}.",
        "، وهو ما {denied} {person}.",
    ),
}


def _is_bound(before: str, after: str) -> bool:
    return bool(_BOUND_BEFORE.search(before) or _BOUND_AFTER.match(after))


def _in_random_order(
    pattern: re.Pattern[str], text: str, generator: random.Random
) -> Iterator[re.Match[str]]:
    matches = list(pattern.finditer(text))
    return iter(generator.sample(matches, len(matches)))


def _any(words: Sequence[str] | dict[str, tuple[str, ...]]) -> str:
    # Longest first, as one may begin another.
    return f"(?:{'|'.join(sorted(words, key=len, reverse=True))})"
