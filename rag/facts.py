"""What can be checked to the letter: numbers, dates, names and negation, in either language."""

import re
from collections.abc import Iterator
from functools import cache

from index.dates import month_numbers, weekday_numbers
from index.normalize import fold

_SEPARATORS = str.maketrans({"٬": ",", "٫": ".", "\u00a0": " ", "\u202f": " "})
_TOKEN = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|[^\W\d_]+")
_NAME = re.compile(r"(?<![\w'’-])[A-Z][\w'’-]*\w")
_OPENING = re.compile(r"(?:^|[.!?:؟\n])[\s«“\"'(\[]*$|[«“\"(]\s*$")
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
    1_000_000: "مليون|مليونا|ملايين|million|millions",
    1_000_000_000: "مليار|مليارا|مليارات|بليون|billion|billions",
    1_000_000_000_000: "تريليون|تريليونا|trillion|trillions",
}
_DUALS = {
    200: "مئتان|مئتين|مئتا|مئتي|مائتان|مائتين|مائتا|مائتي",
    2_000: "الفان|الفين|الفي",
    2_000_000: "مليونان|مليونين|مليوني",
    2_000_000_000: "ملياران|مليارين|ملياري",
}
_PERCENT = re.compile(r"(?:بال|في ال|ب)م[ئا]{1,2}ه(?!\w)")
_ARTICLES = ("بال", "لل", "ال", "ب", "ل")
_NEGATIONS = re.compile(
    r"(?<!\w)(?:not|no|never|none|neither|nor|cannot|without|unable|fail(?:s|ed)? to|\w+n['’]t|"
    r"[وف]?(?:لا|لم|لن|ليس|ليست|ليسوا|لست|غير|دون|بدون|الا|عدم))(?!\w)"
)


def numbers(text: str) -> set[float]:
    """Values of all numbers, in digits of either script or in words: "٣٦ ألفًا" is 36,000."""
    return set(_values(_PERCENT.sub("%", fold(text.translate(_SEPARATORS)))))


def telling_numbers(text: str) -> set[float]:
    """The numbers that a source has to have."""
    return {value for value in numbers(text) if value > _FEW or value != int(value)}


def months(text: str) -> set[int]:
    """Numbers of the months that stand beside a day, a year, or a word that dates."""
    return {
        month_numbers()[match["after"] or match["before"]]
        for match in _month_pattern().finditer(fold(text))
    }


def weekdays(text: str) -> set[int]:
    """Numbers of the days of the week, Monday 0."""
    words = re.findall(r"\w+", fold(text))
    return {weekday_numbers()[word] for word in words if word in weekday_numbers()}


def latin_names(text: str) -> list[str]:
    """Capitalised words, but for one that only opens a sentence."""
    found = list(_NAME.finditer(text))
    return [
        match.group()
        for number, match in enumerate(found)
        if not _OPENING.search(text[: match.start()])
        or (number + 1 < len(found) and found[number + 1].start() == match.end() + 1)
    ]


def negated(text: str) -> bool:
    """Whether the text denies something."""
    return bool(_NEGATIONS.search(fold(text)))


def _values(folded: str) -> Iterator[float]:
    total, current, digits = 0.0, 0.0, False
    open_ = False
    for token in _TOKEN.findall(folded):
        joined, word = _bare(token)
        multiple, value = _multiples().get(word), _words().get(word)
        if multiple:
            # "خمسة ومئة" adds up, "five hundred" multiplies.
            added = joined and multiple == 100
            current = current + 100 if added else max(current, 1.0) * multiple
        elif value is not None and not digits:
            current += value
        elif token[0].isdigit():
            if open_:
                yield total + current
            total, current = 0.0, float(token.replace(",", ""))
        else:
            if open_ and word not in ("and", "و"):
                yield total + current
                total, current, open_ = 0.0, 0.0, False
            continue
        open_, digits = True, token[0].isdigit()
        if (multiple or value or 0) >= 1_000:
            total, current = total + current, 0.0
    if open_:
        yield total + current


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


@cache
def _month_pattern() -> re.Pattern[str]:
    names = "|".join(sorted(map(re.escape, month_numbers()), key=len, reverse=True))
    dating = (
        r"in|of|since|by|until|during|early|mid|late|last|next|"
        r"في|منذ|شهر|حتي|بدايه|نهايه|اوائل|اواخر|مطلع|منتصف|خلال"
    )
    before = rf"\d(?:st|nd|rd|th)?\s*(?:من|of|/|-)?\s*|(?<!\w)(?:{dating})\s+(?:شهر\s+)?"
    return re.compile(rf"(?:{before})(?P<after>{names})(?!\w)|(?<!\w)(?P<before>{names})\.?,?\s*\d")
