"""Dates as news pages write them, in Arabic and English, to ISO at the precision they state.

Months of every Arabic-speaking country (from CLDR, through Babel), digits of either script, Hijri
dates (Umm al-Qura), and, given the article's own date, relative words and dates without a year.
General parsers fill what is not said from today or with 1 January; here it stays unsaid.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache

from index.normalize import fold

_MAX_CHARS = 300
_YEARS = range(1900, 2101)
_HIJRI_YEARS = range(1343, 1501)  # those of the Umm al-Qura tables
# How far after the article's date a date without a year may lie and still be of that year.
_NEAR_FUTURE = timedelta(days=31)

_COUNTRIES = ("ar", "ar_SY", "ar_TN", "ar_MA", "ar_MR")
_MONTH_SPELLINGS = {
    1: "كانون ثاني|jan",
    2: "feb",
    3: "اذار|mar",
    4: "ابريل|افريل|نيسان|apr",
    5: "ايار|ماي|مايس",
    6: "حزيران|يونيه|jun",
    7: "تموز|يوليه|جويليه|jul",
    8: "اب|اوت|اغسطس|aug",
    9: "ايلول|sep|sept",
    10: "تشرين اول|اكتوبر|oct",
    11: "تشرين ثاني|نوفمبر|nov",
    12: "كانون اول|ديسمبر|dec",
}
_HIJRI_MONTHS = (
    "محرم|المحرم",
    "صفر",
    "ربيع الاول|ربيع اول",
    "ربيع الاخر|ربيع الثاني|ربيع ثاني",
    "جمادى الاولى|جمادى الاول|جمادى اولى",
    "جمادى الاخره|جمادى الثانيه|جمادى الاخر|جمادى الثاني",
    "رجب",
    "شعبان",
    "رمضان",
    "شوال",
    "ذو القعده|ذي القعده|ذوالقعده",
    "ذو الحجه|ذي الحجه|ذوالحجه",
)
_HIJRI_ENGLISH = (
    "muharram",
    "safar",
    "rabi al-awwal|rabi' al-awwal|rabi i",
    "rabi al-thani|rabi' al-thani|rabi al-akhir|rabi ii",
    "jumada al-awwal|jumada al-ula|jumada i",
    "jumada al-thani|jumada al-akhira|jumada ii",
    "rajab",
    "shaban|sha'ban",
    "ramadan",
    "shawwal",
    "dhu al-qadah|dhul qadah|dhu al-qi'dah",
    "dhu al-hijjah|dhul hijjah|dhu al-hijja",
)
_WEEKDAYS = {
    0: "الاثنين|monday",
    1: "الثلاثاء|tuesday",
    2: "الاربعاء|wednesday",
    3: "الخميس|thursday",
    4: "الجمعه|friday",
    5: "السبت|saturday",
    6: "الاحد|sunday",
}
_NUMBERS = {
    1: "واحد|واحده|one|a|an",
    2: "اثنين|اثنان|two",
    3: "ثلاث|ثلاثه|three",
    4: "اربع|اربعه|four",
    5: "خمس|خمسه|five",
    6: "ست|سته|six",
    7: "سبع|سبعه|seven",
    8: "ثماني|ثمانيه|ثمان|eight",
    9: "تسع|تسعه|nine",
    10: "عشر|عشره|ten",
}
# Units by what one of them takes from a date; the dual is two of them.
_UNITS = {
    "now": "ثانيه|ثواني|ثوان|دقيقه|دقائق|ساعه|ساعات|second|minute|min|hour|hr",
    "day": "يوم|ايام|يوما|day",
    "week": "اسبوع|اسابيع|اسبوعا|week",
    "month": "شهر|اشهر|شهور|شهرا|month",
    "year": "سنه|سنوات|سنين|عام|اعوام|عاما|year",
}
_DUALS = {
    "now": "ساعتين|دقيقتين",
    "day": "يومين",
    "week": "اسبوعين",
    "month": "شهرين",
    "year": "سنتين|عامين",
}

_ORDINALS = {
    "الاول": 1, "الثاني": 2, "الثالث": 3, "الرابع": 4, "الخامس": 5, "السادس": 6, "السابع": 7,
    "الثامن": 8, "التاسع": 9, "العاشر": 10, "الحادي": 1,
}  # fmt: skip
_ANY_ORDINAL = rf"(?<!\w)(?P<units>{'|'.join(_ORDINALS)})(?P<tens> عشر| والعشرين| والثلاثين)?"
_ORDINAL = re.compile(rf"{_ANY_ORDINAL} (?=من |شهر )")

_ISO = re.compile(r"(?<![\d-])(\d{4})-(\d{1,2})(?:-(\d{1,2}))?(?![\d-])", re.ASCII)
_YEAR_FIRST = re.compile(r"(?<![\d/.])(\d{4})[/.](\d{1,2})[/.](\d{1,2})(?![\d/.])", re.ASCII)
_YEAR_LAST = re.compile(
    r"(?<![\d/.+-])(\d{1,2})\s?([/.-])\s?(\d{1,2})\s?\2\s?(\d{4})(?![\d/])", re.ASCII
)
_COMPACT = re.compile(r"(?<![\w.-])(\d{4})(\d\d)(\d\d)(?:t\d{4,6}z?)?(?![\w.-])", re.ASCII)
_SHORT_YEAR = re.compile(r"(\d{1,2})/(\d{1,2})/(\d\d)", re.ASCII)
_MONTH_YEAR = re.compile(r"(\d{1,2})[/-](\d{4})", re.ASCII)
_YEAR_FIRST_WORDS = "عام|سنه|في|منذ|العام|لعام|in|since|the|year|c|©"
_YEAR_ALONE = re.compile(rf"[^\w+$€£]*(?:(?:{_YEAR_FIRST_WORDS})\s+)*(\d{{4}})\s*م?[^\w%$€£]*")
# Between the parts of a date: "2 من كانون الاول", "of", commas, and brackets.
_GAP = r"[\s,،./()-]*(?:من|of|شهر|م)?\s*(?:لعام|العام|عام|سنه)?[\s,،./()-]*"
_DAY = r"(?<![\d.:/])(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4})(?!\d)"
# "Jan. 3" and "12:30 March": a time stands where a day or year might.
_NOT_TIME = r"(?!\s?[:.]\d|\d)"


def parse_date(text: str, reference: str = "") -> str:
    """An ISO date (`2024-10-12`, `2024-10` or `2024`), "" when the text names none.

    Args:
        text: A date, or a short line with one.
        reference: The article's own date, ISO; with it relative words ("yesterday", "منذ يومين")
            and dates without a year are read as well.
    """
    text = re.sub(r"\s+", " ", fold(text[:_MAX_CHARS])).strip()
    text = _ORDINAL.sub(_as_digits, text)
    near = _as_date(reference)
    for find in (_numeric, _written, _hijri):
        if found := next(find(text), ""):
            return found
    if near and (found := next(_without_year(text, near), "") or next(_relative(text, near), "")):
        return found
    alone = _YEAR_ALONE.fullmatch(text)
    return alone[1] if alone and int(alone[1]) in _YEARS else ""


def ordinals_as_digits(folded: str) -> str:
    """Folded text with Arabic ordinals as numbers: "التاسع عشر" is 19."""
    return re.sub(rf"{_ANY_ORDINAL}(?!\w)", _as_digits, folded)


def _as_digits(ordinal: re.Match[str]) -> str:
    """The ordinal as a number: "السابع عشر" is 17."""
    tens = {"عشر": 10, "والعشرين": 20, "والثلاثين": 30}
    return f"{_ORDINALS[ordinal['units']] + tens.get((ordinal['tens'] or '').strip(), 0)} "


def _numeric(text: str) -> Iterator[str]:
    for match in _ISO.finditer(text):
        if match[3]:
            yield from _iso(match[1], match[2], match[3])
        elif match.span() == (0, len(text)):  # elsewhere it is a range of years or a number
            yield from _iso(match[1], match[2])
    for match in _YEAR_FIRST.finditer(text):
        yield from _iso(match[1], match[2], match[3])
    for match in _COMPACT.finditer(text):
        yield from _iso(match[1], match[2], match[3])
    for match in _YEAR_LAST.finditer(text):
        day_first = list(_iso(match[4], match[3], match[1]))
        yield from day_first or _iso(match[4], match[1], match[3])
    if short := _SHORT_YEAR.fullmatch(text):
        yield from _iso(f"20{short[3]}", short[2], short[1])
    if month := _MONTH_YEAR.fullmatch(text):
        yield from _iso(month[2], month[1])


def _written(text: str) -> Iterator[str]:
    months = month_numbers()
    day_first, month_first, year_first, no_day, _ = _patterns()
    for pattern in (day_first, month_first, year_first):
        for match in pattern.finditer(text):
            yield from _iso(match["year"], months[match["month"]], match["day"])
    for match in no_day.finditer(text):
        # A day out of range beside the month makes the whole no date.
        if not re.search(r"\d\s*$", text[: match.start()]):
            yield from _iso(match["year"], months[match["month"]])


def _without_year(text: str, near: date) -> Iterator[str]:
    months = month_numbers()
    for match in _patterns()[-1].finditer(text):
        day = match["day"] or match["day_after"]
        for year in (near.year + 1, near.year, near.year - 1, near.year - 2):
            found = next(_iso(year, months[match["month"]], day), "")
            if found and date.fromisoformat(found) <= near + _NEAR_FUTURE:
                yield found
                break


def _hijri(text: str) -> Iterator[str]:
    from hijridate import Hijri

    day_first, no_day, numeric = _hijri_patterns()
    months = _hijri_months()
    matches = [(m["year"], months[m["month"]], m["day"]) for m in day_first.finditer(text)]
    for match in numeric.finditer(text):
        first, month, last = match[1], match[2], match[3]
        matches.append((first, int(month), last) if len(first) == 4 else (last, int(month), first))
    matches += [
        (m["year"], months[m["month"]], "")
        for m in no_day.finditer(text)
        if not re.search(r"\d\s*$", text[: m.start()])
    ]
    for year, month, day in matches:
        try:
            first_day = Hijri(int(year), month, int(day or 1)).to_gregorian()
        except (ValueError, OverflowError):
            continue
        # A Hijri month lies across two of the Gregorian calendar: that of its middle.
        middle = first_day + timedelta(days=14)
        yield first_day.isoformat() if day else f"{middle:%Y-%m}"


def _relative(text: str, near: date) -> Iterator[str]:
    for pattern, value in _relative_patterns():
        if (match := pattern.search(text)) and int(
            (found := value(match, near))[:4] or 0
        ) in _YEARS:
            yield found


def _iso(year: str | int, month: str | int, day: str | int = "") -> Iterator[str]:
    """The date, if there is such a day and the year can be one of news."""
    try:
        found = date(int(year), int(month), int(day or 1))
    except ValueError:
        return
    if found.year in _YEARS:
        yield f"{found:%Y-%m-%d}" if day else f"{found:%Y-%m}"


def _as_date(iso: str) -> date | None:
    try:
        return date.fromisoformat(iso[:10])
    except ValueError:
        return None


@cache
def month_numbers() -> dict[str, int]:
    """Month numbers by folded name, of every Arabic-speaking country and English."""
    from babel.dates import get_month_names

    names = {}
    for locale in (*_COUNTRIES, "en"):
        for number, name in get_month_names("wide", locale=locale).items():
            names[fold(name)] = number
    for number, spellings in _MONTH_SPELLINGS.items():
        names |= dict.fromkeys(map(fold, spellings.split("|")), number)
    return names


@cache
def weekday_numbers() -> dict[str, int]:
    """Numbers of the days of the week by folded name in both languages, Monday 0."""
    return {name: int(number) for name, number in _spellings(_WEEKDAYS).items()}


@cache
def _hijri_months() -> dict[str, int]:
    return {
        fold(spelling): number
        for names in (_HIJRI_MONTHS, _HIJRI_ENGLISH)
        for number, spellings in enumerate(names, 1)
        for spelling in spellings.split("|")
    }


def _any(words: dict[str, int] | list[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    """Day first, month first, year first, month and year, and day and month without a year."""
    month = rf"(?<!\w)(?P<month>{_any(month_numbers())})(?!\w)\.?"
    # "أكتوبر/ تشرين الأول" names one month twice; the first is enough.
    twice = rf"(?:\s*[/(-]\s*(?:{_any(month_numbers())})(?!\w)\)?)?"
    return (
        re.compile(rf"{_DAY}{_GAP}{month}{twice}{_GAP}{_YEAR}"),
        re.compile(rf"(?:{month}{twice}\s*{_DAY}(?!\d)[\s,،]+{_YEAR})"),
        re.compile(rf"{_YEAR}\s+{month}\s+{_DAY}(?!\d)"),
        re.compile(rf"{month}{twice}{_GAP}{_YEAR}"),
        re.compile(
            rf"(?:{_DAY}{_GAP})?{month}{twice}"
            rf"(?(day)(?!\s*\d{{4}})|\s+(?P<day_after>\d{{1,2}})(?:st|nd|rd|th)?{_NOT_TIME})"
        ),
    )


@cache
def _hijri_patterns() -> tuple[re.Pattern[str], ...]:
    month = rf"(?<!\w)(?P<month>{_any(_hijri_months())})(?!\w)"
    year = r"(?P<year>1[345]\d\d)(?!\d)"
    return (
        re.compile(rf"{_DAY}{_GAP}{month}{_GAP}{year}"),
        re.compile(rf"{month}{_GAP}{year}"),
        re.compile(
            r"(?<![\d/.-])(\d{1,2}|1[345]\d\d)[/-](\d{1,2})[/-](1[345]\d\d|\d{1,2})"
            r"(?=\s*(?:ه|ah)(?!\w))",
            re.ASCII,
        ),
    )


def _spellings(table: dict[int, str] | dict[str, str]) -> dict[str, int | str]:
    return {fold(word): key for key, words in table.items() for word in words.split("|")}


@cache
def _relative_patterns() -> tuple[
    tuple[re.Pattern[str], Callable[[re.Match[str], date], str]], ...
]:
    days, units, numbers = _spellings(_WEEKDAYS), _spellings(_UNITS), _spellings(_NUMBERS)
    duals = _spellings(_DUALS)
    a_day, a_unit = _any(list(days)), _any(list(units))
    count = rf"(?P<n>\d+|{_any(list(numbers))})"

    def ago(match: re.Match[str], near: date) -> str:
        groups = match.groupdict()
        if dual := groups.get("dual"):
            return _before(near, 2, str(duals[dual]))
        n = groups.get("n") or "1"
        return _before(near, int(n) if n.isdigit() else int(numbers[n]), str(units[match["unit"]]))

    def last_weekday(match: re.Match[str], near: date) -> str:
        back = (near.weekday() - int(days[match["weekday"]]) - 1) % 7 + 1
        return (near - timedelta(days=back)).isoformat()

    def last(match: re.Match[str], near: date) -> str:
        return _before(near, 1, str(units[match["unit"]]))

    def this(match: re.Match[str], near: date) -> str:
        return _before(near, 0, str(units[match["unit"]]))

    def back(n: int) -> Callable[[re.Match[str], date], str]:
        return lambda _, near: (near - timedelta(days=n)).isoformat()

    w, e = r"(?<!\w)(?:", r")(?!\w)"
    table: list[tuple[str, Callable[[re.Match[str], date], str]]] = [
        (rf"{w}اول (?:من )?امس|امس الاول|(?:the )?day before yesterday{e}", back(2)),
        (rf"{w}امس|البارحه|yesterday|last night{e}", back(1)),
        (rf"{w}(?:منذ|قبل)\s+(?:نحو |حوالي )?(?P<dual>{_any(list(duals))}){e}", ago),
        (rf"{w}(?:منذ|قبل)\s+(?:نحو |حوالي )?(?:{count}\s+)?(?P<unit>{a_unit}){e}", ago),
        (rf"{w}{count}\s+(?P<unit>{a_unit})s?\s+ago{e}", ago),
        (rf"{w}(?:last|this past)\s+(?P<weekday>{a_day}){e}", last_weekday),
        (rf"{w}(?:يوم )?(?P<weekday>{a_day})\s+(?:الماضيه?|المنصرمه?|الفائته?){e}", last_weekday),
        (rf"{w}(?:last)\s+(?P<unit>week|month|year){e}", last),
        (rf"{w}ال(?P<unit>اسبوع|شهر|عام|سنه)\s+(?:الماضيه?|المنصرمه?|الفائته?){e}", last),
        (rf"{w}(?:this)\s+(?P<unit>month|year){e}", this),
        (rf"{w}(?:هذا|هذه)\s+ال(?P<unit>شهر|عام|سنه){e}", this),
        (rf"{w}ال(?P<unit>شهر|عام)\s+(?:الجاري|الحالي){e}", this),
        (rf"{w}غدا|tomorrow{e}", back(-1)),
        (rf"{w}اليوم|today|tonight|just now|الان{e}", back(0)),
    ]
    return tuple((re.compile(pattern), value) for pattern, value in table)


def _before(near: date, n: int, unit: str) -> str:
    """`n` units before a date, at the precision of the unit."""
    if n > 1_000:
        return ""
    if unit in ("now", "day", "week"):
        return (near - timedelta(days=n * {"now": 0, "day": 1, "week": 7}[unit])).isoformat()
    if unit == "year":
        return f"{near.year - n:04d}"
    months = near.year * 12 + near.month - 1 - n
    return f"{months // 12:04d}-{months % 12 + 1:02d}"
