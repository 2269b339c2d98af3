"""Title, outlet and date of an article, from the visible text of its page."""

import re

from index.dates import parse_date
from index.normalize import search_terms

_DATE_LINE = re.compile(r"^.{0,40}\b(?:19|20)\d\d\b.{0,20}$|^.{0,40}[٠-٩]{4}.{0,20}$")

# The line an outlet signs with ("خاص - SY24"), and the words by which it names itself.
_OUTLET_LINE = re.compile(
    r"^[^\S\n]*(?:خاص|المصدر|source|exclusive)[^\S\n]*[-–—:|][^\S\n]*(?P<name>[^\n.،,]{2,40}?)[^\S\n]*$",
    re.I | re.M,
)
_OUTLET_MENTION = re.compile(
    r"(?:لمراسل|مراسل|لمراسلة|مراسلة|correspondent of|told)\s+[“\"«](?P<name>[^”\"»\n]{2,40})[”\"»]"
)
# Outlets that speak of themselves without quotation marks: "وقالت مصادر محلية لأورينت نت".
_SELF_NAMED = (
    "عنب بلدي",
    "أورينت نت",
    "العربي الجديد",
    "الجزيرة نت",
    "القدس العربي",
    "الشرق الأوسط",
    "تلفزيون سوريا",
    "شبكة شام",
    "نورث برس",
)
_SELF_MENTION = re.compile(
    rf"(?:\bل(?:ـ|موقع |صحيفة )?|رصدتها |رصدت )(?P<name>{'|'.join(_SELF_NAMED)})\b"
)


def find_outlet(text: str) -> str:
    """The outlet that signs or names itself in the text, or ""."""
    for pattern in (_OUTLET_LINE, _OUTLET_MENTION, _SELF_MENTION):
        if match := pattern.search(text):
            return match["name"].strip(' “”"«»')
    return ""


def find_date(lines: list[str]) -> str:
    """The date of the first line that is little but a full date, or ""."""
    found = (parse_date(line) for line in lines if _DATE_LINE.match(line))
    return next((date for date in found if "-" in date), "")


def choose_title(candidates: list[str], first_paragraph: str) -> str:
    """The heading that says most of what the first paragraph says, or "" of none."""
    body = set(search_terms(first_paragraph))
    return max(candidates, key=lambda line: len(body & set(search_terms(line))), default="")
