"""What can be checked to the letter: numbers, dates, names and negation, in either language."""

import re
from collections.abc import Iterable, Iterator
from functools import cache

from index.dates import month_numbers, ordinals_as_digits, weekday_numbers
from index.normalize import fold, stopwords

_SEPARATORS = str.maketrans({"٬": ",", "٫": ".", "\u00a0": " ", "\u202f": " "})
_TOKEN = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|[^\W\d_]+")
_NAME = re.compile(r"(?<![\w'’-])[A-Z][\w'’-]*\w")
_OPENING = re.compile(r"(?:^|[.!?:؟\n])[\s«“\"'(\[]*$|[«“\"(]\s*$")
_BEFORE = 8  # characters in which what opens a sentence stands
# Two and fewer are said in too many ways ("both", "a", the Arabic dual) to be missed.
_FEW = 2

_UNITS = (
    "صفر|zero",
    "واحد|واحدة|احدى|احد|one",
    "اثنان|اثنين|اثنتان|اثنتين|اثنا|اثني|اثنتا|اثنتي|two",
    "ثلاث|ثلاثة|three",
    "اربع|اربعة|four",
    "خمس|خمسة|five",
    "ست|ستة|six",
    "سبع|سبعة|seven",
    "ثمان|ثماني|ثمانية|eight",
    "تسع|تسعة|nine",
    "عشر|عشرة|ten",
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
_TENS = (
    "عشرون|عشرين|twenty",
    "ثلاثون|ثلاثين|thirty",
    "اربعون|اربعين|forty",
    "خمسون|خمسين|fifty",
    "ستون|ستين|sixty",
    "سبعون|سبعين|seventy",
    "ثمانون|ثمانين|eighty",
    "تسعون|تسعين|ninety",
)
_MULTIPLES = {
    100: "مئة|مائة|مئات|hundred|hundreds",
    1_000: "الف|الفا|الاف|thousand|thousands",
    1_000_000: "مليون|مليونا|ملايين|million|millions|mn",
    1_000_000_000: "مليار|مليارا|مليارات|بليون|billion|billions|bn",
    1_000_000_000_000: "تريليون|تريليونا|trillion|trillions|trn",
}
_DUALS = {
    200: "مئتان|مئتين|مئتا|مئتي|مائتان|مائتين|مائتا|مائتي",
    2_000: "الفان|الفين|الفي",
    2_000_000: "مليونان|مليونين|مليوني",
    2_000_000_000: "ملياران|مليارين|ملياري",
}
_PERCENT = re.compile(r"(?:بال|في ال|ب)ما?يه(?!\w)")
_SHORT = {"m": " million", "mn": " million", "bn": " billion", "k": " thousand"}
_SHORTENED = re.compile(r"(?<=\d)\s?(m|mn|bn|k)(?!\w)")
_LARGE = r"thousand|million|billion|trillion|الف|مليون|مليار|تريليون"
# Said in a way that the words alone do not add up to.
_SPELLED = tuple(
    (re.compile(rf"(?<!\w)(?:{pattern})(?!\w)"), spelled)
    for pattern, spelled in (
        (r"(?:half a|نصف(?: ال)?) ?" + rf"({_LARGE})", r"0.5 \1"),
        (r"(?:a quarter of a|quarter of a|ربع(?: ال)?) ?" + rf"({_LARGE})", r"0.25 \1"),
        (r"مليونين ونصف(?: المليون)?", "2.5 مليون"),
        (r"مليارين ونصف(?: المليار)?", "2.5 مليار"),
        (r"tens of thousands|عشرات (?:ال)?الاف", "10 thousand"),
        (r"hundreds of thousands|مييات (?:ال)?الاف", "100 thousand"),
        (r"tens of millions|عشرات الملايين", "10 million"),
        (rf"(\d+),(\d{{1,2}})(?= ?(?:{_LARGE}))", r"\1.\2"),
    )
)
_ENGLISH_ORDINALS = {
    word: f" {number} "
    for number, word in enumerate(
        ("third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"), 3
    )
}
_ORDINAL = re.compile(rf"\b(?:{'|'.join(_ENGLISH_ORDINALS)})\b")
_ARTICLES = ("بال", "لل", "ال", "ب", "ل")
_NEGATIONS = re.compile(
    r"(?<!\w)(?:not|no(?!\. ?\d)|without|unable|yet to|never|none|neither|"
    r"nor|cannot|refus(?:e|es|ed|ing) to|fail(?:s|ed)? to|"
    r"den(?:y|ies|ied)|\w+n['’]t|[وفب]?(?:لا|لم|لن|ليس|ليست|ليسوا|لست|دون|بلا|عدم)|"
    r"[وفي]?(?:رفض|ترفض|يرفض|رفضت|رفضوا|نفي|نفت|ينفي|تنفي|فشل|فشلت))(?!\w)"
)
# Words of denial that deny nothing.
_IDIOMS = re.compile(
    r"(?<!\w)(?:not only|no doubt|no less than|not least|"
    r"[وف]?لا (?:يزال|تزال|يزالون|سيما|بد|شك|ريب|يقل عن|تقل عن|غير)|ليس فقط|الا و)(?!\w)"
)


def numbers(text: str) -> set[float]:
    """Values of all numbers, in digits of either script or in words: "٣٦ ألفًا" is 36,000."""
    folded = _PERCENT.sub("%", fold(text.translate(_SEPARATORS)))
    for pattern, spelled in _SPELLED:
        folded = pattern.sub(spelled, folded)
    folded = _SHORTENED.sub(lambda match: _SHORT[match[1]], ordinals_as_digits(folded))
    return set(_values(_ORDINAL.sub(lambda match: _ENGLISH_ORDINALS[match[0]], folded)))


def telling_numbers(text: str) -> set[float]:
    """The numbers that a source has to have."""
    return {value for value in numbers(text) if value > _FEW or value != int(value)}


def months(text: str) -> set[int]:
    """Numbers of the months that stand beside a day, a year, or a word that dates."""
    return {
        month_numbers()[match["after"] or match["before"]]
        for match in _month_pattern().finditer(fold(text))
    }


def months_mentioned(text: str) -> set[int]:
    """Numbers of the months whose name stands anywhere, be it another word too: "may"."""
    return {month_numbers()[name] for name in _month_names().findall(fold(text))}


def weekdays(text: str) -> set[int]:
    """Numbers of the days of the week, Monday 0."""
    return {weekday_numbers()[name] for name in _weekday_names().findall(fold(text))}


def latin_names(text: str) -> list[str]:
    """Capitalised words, but for months, days, and a word that only opens a sentence."""
    calendar = month_numbers().keys() | weekday_numbers().keys() | stopwords()
    found = [
        match
        for match in _NAME.finditer(text)
        if match.group().isupper() or fold(match.group()) not in calendar
    ]
    return [
        match.group()
        for number, match in enumerate(found)
        if not _OPENING.search(text[max(0, match.start() - _BEFORE) : match.start()])
        or match.group().isupper()
        or (number + 1 < len(found) and found[number + 1].start() == match.end() + 1)
    ]


def negated(text: str) -> bool:
    """Whether the text denies something."""
    return bool(_NEGATIONS.search(_IDIOMS.sub(" ", fold(text))))


def _values(folded: str) -> Iterator[float]:
    """Values of runs of numbers and number words in folded text."""
    total = current = 0.0
    open_ = digits = False
    linked = ""
    for token in _TOKEN.findall(folded):
        joined, word = _bare(token)
        if open_ and word in ("and", "و"):
            linked = word
            continue
        multiple, value = _multiples().get(word), _words().get(word)
        number = _digits(token) if token[0].isdigit() else None
        if number is not None:
            goes_on = linked == "و" and total >= 1_000 > number and not current  # "ألف و200"
        else:
            goes_on = (
                bool(multiple) or joined or bool(linked) or _fits(current, value, digits=digits)
            )
        known = not (number is None and multiple is None and value is None)
        if open_ and not (goes_on and known):
            yield total + current
            total, current, digits = 0.0, 0.0, False
        open_, linked = known, ""
        if number is not None:
            current, digits = current + number, True
        elif multiple:
            # "خمسة ومئة" adds up, "five hundred" multiplies.
            added = joined and multiple == 100 and bool(total or current)
            current = current + 100 if added else (current or 1.0) * multiple
            if multiple >= 1_000:
                total, current = total + current, 0.0
        elif value is not None:
            total, current = (
                (total + value, current) if value >= 1_000 else (total, current + value)
            )
    if open_:
        yield total + current


def _digits(token: str) -> float:
    return float(token.replace(",", ""))


def _fits(current: float, value: float | None, *, digits: bool) -> bool:
    """Whether a number word goes on a number without an "and": "twenty" "five"."""
    if value is None or digits:
        return False
    if value == 10 and 0 < current % 100 < 10:  # "خمسة عشر", fifteen
        return True
    size = 100 if value >= 10 else 10
    return current % size == 0


def _bare(token: str) -> tuple[bool, str]:
    """The word of a number without what Arabic writes on to it; whether one was "and"."""

    def known(word: str) -> bool:
        return word in _words() or word in _multiples()

    if known(token):
        return False, token
    joined = token.startswith("و")
    word = token.removeprefix("و")
    shorn = (word, *(word.removeprefix(article) for article in _ARTICLES))
    return next(((joined, one) for one in shorn if known(one)), (False, token))


def _table(spellings: str, value: float) -> dict[str, float]:
    return {fold(word): value for word in spellings.split("|")}


@cache
def _words() -> dict[str, float]:
    table: dict[str, float] = {}
    for value, spellings in enumerate(_UNITS):
        table |= _table(spellings, value)
    for value, spellings in enumerate(_TENS, 2):
        table |= _table(spellings, 10 * value)
    for dual, spellings in _DUALS.items():
        table |= _table(spellings, dual)
    for value, unit in enumerate(("ثلاث", "اربع", "خمس", "ست", "سبع", "ثمان", "تسع"), 3):
        table |= _table(f"{unit}مئة|{unit}مائة", 100 * value)  # three hundred in one word
    return table


@cache
def _multiples() -> dict[str, int]:
    return {fold(w): value for value, words in _MULTIPLES.items() for w in words.split("|")}


def _alternatives(names: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))


@cache
def _month_names() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)[وبل]?({_alternatives(month_numbers())})(?!\w)")


@cache
def _weekday_names() -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)[وبل]?({_alternatives(weekday_numbers())})(?!\w)")


@cache
def _month_pattern() -> re.Pattern[str]:
    names = _alternatives(month_numbers())
    dating = (
        r"in|of|since|by|until|during|early|mid|late|last|next|"
        r"في|منذ|شهر|حتي|بدايه|نهايه|اوائل|اواخر|مطلع|منتصف|خلال"
    )
    before = rf"\d(?:st|nd|rd|th)?\s*(?:من|of|/|-)?\s*|(?<!\w)(?:{dating})\s+(?:شهر\s+)?"
    return re.compile(rf"(?:{before})(?P<after>{names})(?!\w)|(?<!\w)(?P<before>{names})\.?,?\s*\d")
