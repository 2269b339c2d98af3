"""Time in questions: "yesterday", "last week", "in October", "منذ بداية تشرين الأول", "latest".

Relative words mean days counted from an as-of date, and restrict the search to articles of those
days. A date that is named may be that of the event rather than of the article, so it only moves
articles published then forward.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from index.dates import month_numbers, parse_date, weekday_numbers
from index.normalize import fold
from index.types import days_of
from rag.facts import numbers

# News of a day is often printed on the next.
_LAG = timedelta(days=1)
# Over more than that, a number of years is about events, not about articles.
_STRICT = timedelta(days=190)
_LATEST = re.compile(
    r"(?<!\w)(?:latest|newest|most recent(?:ly)?|recent(?:ly)?|lately|currently|right now|nowadays|"
    r"these days|so far|up to now|اخر (?:ال)?(?:اخبار|مستجدات|تطورات|ما)|احدث|اخيرا|موخرا|حاليا|"
    r"الان|حتي الان|هذه الايام|في الوقت الحالي|المستجدات)(?!\w)"
)
_TODAY = re.compile(r"(?<!\w)(?:اليوم|الان|today|tonight|just now)(?!\w)")
_TODAYS = re.compile(
    r"(?<!\w)(?<!usa )(?:today|this morning|tonight|هذا الصباح|الليله)(?!\w)|"
    r"(?<!ذلك )(?<!نفس )(?<!هذا )(?<!روسيا )(?<!المصري )(?<!\w)اليوم(?!\w)(?! (?:ال|نفسه))"
)
_UNIT_DAYS = {
    **dict.fromkeys(("day", "days", "يوم", "ايام", "يوما", "الايام", "يومين", "اليومين"), 1),
    **dict.fromkeys(("week", "weeks", "اسبوع", "اسابيع", "اسبوعا", "الاسابيع", "اسبوعين"), 7),
    "الاسبوعين": 7,
    **dict.fromkeys(("month", "months", "شهر", "اشهر", "شهور", "شهرا", "الاشهر", "شهرين"), 30),
    "الشهرين": 30,
}
_PLURALS = re.compile(r"days|weeks|months|(?:ال)?(?:ايام|اسابيع|اشهر|شهور)")
_DUAL = re.compile(r"(?:يوم|اسبوع|شهر)ين$")


@dataclass(frozen=True, slots=True)
class Period:
    """The days a question is about, both included; `strict` when other articles do not count."""

    first: date
    last: date
    strict: bool


def read_period(question: str, as_of: date) -> Period | None:
    """The period that a question names, None when it names none."""
    text = fold(question)
    if (since := _since().search(text)) and (
        started := _named(text[since.end() :], as_of) or _relative_days(text, since.end(), as_of)
    ):
        first = started[0]
        return Period(first, as_of, strict=as_of - first <= _STRICT) if first <= as_of else None
    if found := _relative_days(text, None, as_of):
        first, last = found
        return Period(first, min(last, as_of), strict=last - first <= _STRICT)
    if _TODAYS.search(text):  # often just "now", or an outlet's name
        return Period(as_of, as_of, strict=False)
    named = _named(text, as_of)
    return Period(*named, strict=False) if named else None


def _relative_days(text: str, start: int | None, as_of: date) -> tuple[date, date] | None:
    """What relative words mean, anywhere in the text or at that place of it."""
    for pattern, read in _relative():
        match = pattern.search(text) if start is None else pattern.match(text, start)
        if match:
            return read(match, as_of)
    return None


def asks_for_latest(question: str) -> bool:
    """Whether newer articles answer better."""
    return bool(_LATEST.search(fold(question)))


def _named(text: str, as_of: date) -> tuple[date, date] | None:
    """First and last day of the date that folded text names."""
    if found := parse_date(_TODAY.sub(" ", text), as_of.isoformat()):
        return days_of(found)
    if month := _month().search(text):
        number = month_numbers()[month["month"]]
        year = as_of.year - (number > as_of.month)
        return days_of(f"{year:04d}-{number:02d}")
    if year_alone := re.search(r"(?<![\w.,/-])(?:19|20)\d\d(?![\w/-])(?![.,]\d)", text):
        return days_of(year_alone.group())
    return None


Read = Callable[[re.Match[str], date], tuple[date, date]]


@cache
def _relative() -> tuple[tuple[re.Pattern[str], Read], ...]:
    def back(n: int) -> Read:
        def read(_: re.Match[str], now: date) -> tuple[date, date]:
            day = now - timedelta(days=n)
            return day, day + _LAG

        return read

    def week(n: int) -> Read:
        def read(_: re.Match[str], now: date) -> tuple[date, date]:
            # Weeks begin on Saturday, Sunday or Monday: all of them are taken in.
            monday = now - timedelta(days=now.weekday() + 7 * n)
            return monday - timedelta(days=2), monday + timedelta(days=6) + _LAG

        return read

    def month(n: int) -> Read:
        def read(_: re.Match[str], now: date) -> tuple[date, date]:
            months = now.year * 12 + now.month - 1 - n
            return days_of(f"{months // 12:04d}-{months % 12 + 1:02d}")

        return read

    def year(n: int) -> Read:
        return lambda _, now: days_of(f"{now.year - n:04d}")

    def past(match: re.Match[str], now: date) -> tuple[date, date]:
        unit = match["unit"]
        some = 7 if _UNIT_DAYS[unit] == 1 else 3
        plural = _PLURALS.fullmatch(unit)
        n = (
            2
            if _DUAL.search(unit)
            else next(iter(numbers(match["n"] or "")), some if plural else 1)
        )
        return now - timedelta(days=int(min(n, 1_000)) * _UNIT_DAYS[unit]), now

    unit = "|".join(sorted(_UNIT_DAYS, key=len, reverse=True))
    named = "|".join(sorted(map(re.escape, (*weekday_numbers(), *month_numbers())), reverse=True))
    table: list[tuple[str, Read]] = [
        (r"(?:the )?day before yesterday|اول (?:من )?امس|امس الاول", back(2)),
        (r"yesterday|last night|امس|البارحه", back(1)),
        (
            rf"the (?:last|past|previous) (?P<n>[\w-]+ )?(?P<unit>{unit})(?! of)",
            past,
        ),
        (
            rf"(?:last|past) (?P<n>\d+ |two |three |four |five |six |seven |ten )(?P<unit>{unit})",
            past,
        ),
        (rf"(?:خلال|في|طوال) (?P<n>)(?P<unit>{unit}) (?:ال)?(?:ماضي|اخير|منصرم)\w*", past),
        (rf"(?:خلال|في) (?P<unit>{unit}) (?P<n>ال\w+ )(?:الماضيه|الاخيره|الماضيين)", past),
        (rf"(?:اخر|منذ) (?P<n>\w+ )?(?P<unit>{unit})(?! (?:من|في|{named}|\d))", past),
        (r"(?<!before )last week(?! of)|الاسبوع (?:الماضي|الفائت|المنصرم)", week(1)),
        (r"this week|هذا الاسبوع|الاسبوع (?:الحالي|الجاري)", week(0)),
        (r"(?<!before )last month(?! of)|الشهر (?:الماضي|الفائت|المنصرم)", month(1)),
        (r"last year|(?:العام|السنه) (?:الماضي|الماضيه|الفائت|المنصرم)", year(1)),
        (r"this year|(?:هذا العام|هذه السنه)|(?:العام|السنه) (?:الحالي|الجاري)\w*", year(0)),
        (r"this month|هذا الشهر|الشهر (?:الحالي|الجاري)", month(0)),
    ]
    return tuple((re.compile(rf"(?<!\w)(?:{pattern})(?!\w)"), read) for pattern, read in table)


@cache
def _since() -> re.Pattern[str]:
    start = r"(?:the )?(?:start|beginning) of|بدايه|مطلع|اوائل|اول"
    return re.compile(rf"(?<!\w)(?:since|منذ|ابتداء من)\s+(?:{start})?\s*(?=\S)")


@cache
def _month() -> re.Pattern[str]:
    names = "|".join(sorted(map(re.escape, month_numbers()), key=len, reverse=True))
    dating = "in|during|of|since|by|until|last|في|خلال|شهر|بدايه|نهايه|مطلع|منذ|اواخر|اوائل|من"
    return re.compile(rf"(?:^|(?<!\w)(?:{dating})\s+(?:شهر\s+)?)(?P<month>{names})(?!\w)")
