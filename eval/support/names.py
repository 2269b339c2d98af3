"""Names of people and places in both languages, for putting one in another's place.

A person is an English first name and what follows it, and the Arabic words of the same consonant
skeletons in the same document. Countries and large cities come from CLDR; a further place is what
follows "in" in a sentence and "في" in its translation, again by skeletons.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from eval.support.words import END, MONTHS, START, words
from index.names import skeleton
from index.normalize import fold
from index.types import Language

NameKind = Literal["man", "woman", "country", "city", "place"]

_FIRST_NAMES: dict[NameKind, frozenset[str]] = {
    "man": frozenset(
        words(
            """John William Paul Brett David Mike Peter Charles James Michael Scott Donald Thomas
            Jon Patrick Justin Robert Henry Chris Steven Rory Jack George Joe Gary
            Jeremy Jim Ian Norman Joseph Sergio Luke Dustin Tom Francis Dan Daniel
            Oliver Jeff Boris Bob Alan Craig Declan Liam Alfredo Allan Glenn Tony
            Vladimir Jason Greg Thom Matt Raymond Ryan Roy Sam Rowan Ben Shawn
            Bernard Phil Rod Carlos Graham Nicholas Alejandro Lewis Max Adam Josh
            Benjamin Martin Frederick Adolf Richard Pierre Edward Fred Muhammad
            Gjorge Chad Larry Mateo Kenny Connor Dennis Sean Andres Mathew Frazier
            Blair Bruce Struan Kyle Roberto Eduardo Simon Bryson Henrik Brooks Calum
            Keaghan Johannes Dale Mac Omar Kevin Jake Hugh Rick Dieter Bernie Nick
            Rob Cristiano Marvin Dick Gus Matthew Neal Brent Conor Todd Diego Darren
            Khalid Nigel Geoff Sebastian Francois Lukas Bill Joel Mario Jared Kurt
            Leon Steve Karl Leonid Lindsey Orrin Robin Jordan Sayfullo Xherdan
            Stephen Andrew Mark Timothy Kenneth Brian Keith Douglas Antoine Jacques
            Theodor Carl Joachim Albert Isaac Martin Philip Louis Anthony Arthur
            Narendra Emmanuel Francesco Tommy Tiger Raheem Pep Leroy Jurgen Mohamed
            Ali Ahmed Ivan Johann Gottfried Lucas Brady Peyton Von Cam Jerricho Tsui
            Nikola Guglielmo Milutin"""
        )
    ),
    "woman": frozenset(
        words(
            """Christine Sarah Holly Theresa Karen Dianne Maxine Janet Elizabeth Heather Amy Jean
            Catherine Elin Tiffany Tara Evelyn Robyn Emily Emma Vicki Olga Ophelia
            Tracey Janelle Angela Deborah Lauren Kirsty Elisabeth Kathryn Ana Marta
            Nell Andrea Kendall Jessica Lynsey Giselle Sharon Kelly Nancy Hillary
            Patricia Abigail Charlotte Marlee Maria Ann Mary Candace Gwyneth Joan
            Dolly Victoria Risa Julia Kate Anna Olivera Susan Rachel Lisa Laura"""
        )
    ),
}
_PERSON = re.compile(r"\b([A-Z][a-z]+) ((?:[A-Z]\. )?(?:[A-Z][\w'’-]+ )?[A-Z][a-z][\w-]+)")
_PLACE = re.compile(r"\b[Ii]n ((?:[A-Z][a-z]+ ){0,1}[A-Z][a-z]{3,})\b(?! [A-Z]|['’])")
_WORD = re.compile(r"\w+")
# Before a surname these are no first name of someone else.
_TITLES = frozenset(
    words(
        """Mr Mrs Ms Dr Sir Lord Lady Judge Justice President Senator Sen Minister Secretary
            Professor Prof Inspector Coach Captain Governor Capt But And The When
            While After As In If With Then For Like"""
    )
)
# Also a person's name, or a common word in one of the languages.
_AMBIGUOUS = frozenset(
    words(
        """Chad Georgia Jordan Turkey Guinea Mali Qatar Lebanon Ghana Monaco Niger Dominica
            Nome Phoenix Easter Center Denver Vincennes Marengo Jamaica Troll Rome
            Regina Malta Macao Palmer Cuba Israel Singapore Luxembourg Central
            Pacific Knox Winamac Davis Vostok Casey Lima Nauru Panama Madeira Perth
            Salta Managua Reunion Guam"""
    )
)


# A name is not part of a double-barrelled one.
_END = rf"{END}(?!-)"
_MONTHS = frozenset(row[0] for row in MONTHS)


@dataclass(frozen=True, slots=True)
class Name:
    """One person or place; a form is "" where a language's is not known."""

    kind: NameKind
    en: str
    ar: str

    def form(self, language: Language) -> str:
        return self.en if language == "en" else self.ar

    def surname(self, language: Language) -> str:
        """The last word of a person's name; all of a place's."""
        form = self.form(language)
        return form.split()[-1] if form and self.is_person else form

    @property
    def is_person(self) -> bool:
        return self.kind in ("man", "woman")


def found_in(name: Name, text: str, language: Language) -> bool:
    """Whether the text mentions it, by its whole name or by surname."""
    return replaced(name, name, text, language) is not None


def replaced(name: Name, other: Name, text: str, language: Language) -> str | None:
    """The text with another in its place wherever it stands; None where it does not."""
    old, new = name.form(language), other.form(language)
    if not old or not new or name.surname(language) not in text:
        return None
    prefix = "([وفبلك]?)" if language == "ar" else "()"
    changed, n = re.subn(f"{START}{prefix}{re.escape(old)}{_END}", rf"\g<1>{new}", text)
    if name.is_person:
        changed, m = _replaced_surnames(name, other, changed, language, prefix)
        n += m
    return changed if n else None


def _replaced_surnames(
    name: Name, other: Name, text: str, language: Language, prefix: str
) -> tuple[str, int]:
    old, new = name.surname(language), other.surname(language)
    if language == "en":
        # A first name before it makes it a relative's.
        pattern = rf"(?:\b([A-Z]\w+)\.? )?{START}{re.escape(old)}{_END}"
        alone = [
            match for match in re.finditer(pattern, text) if not match[1] or match[1] in _TITLES
        ]
        starts = [match.end() - len(old) for match in alone]
    else:
        first = re.escape(name.form(language).split()[0])
        pattern = rf"(?<!{first} ){START}{prefix}{re.escape(old)}{_END}"
        starts = [match.end() - len(old) for match in re.finditer(pattern, text)]
    if name is not other:
        whole = other.form(language)
        inside = {m.start() + len(whole) - len(new) for m in re.finditer(re.escape(whole), text)}
        starts = [start for start in starts if start not in inside]
    for start in reversed(starts):
        text = text[:start] + new + text[start + len(old) :]
    return text, len(starts)


def read_places(folder: Path) -> list[Name]:
    """Countries and cities whose names are one plain word (a city's may be more), from CLDR."""
    read = {
        (language, what): _main(folder / f"{language}.{what}.json", language)
        for language in ("ar", "en")
        for what in ("territories", "timeZoneNames")
    }
    english, arabic = (
        read[language, "territories"]["localeDisplayNames"]["territories"]
        for language in ("en", "ar")
    )
    countries = [
        Name("country", en, arabic[code])
        for code, en in english.items()
        if len(code) == 2 and code.isalpha() and " " not in en + arabic.get(code, " ")
    ]
    # An English city mostly goes by the zone's own name.
    own = dict(_cities(read["en", "timeZoneNames"]["dates"]["timeZoneNames"]["zone"]))
    cities = [
        Name("city", own.get(zone, zone.split("/")[-1].replace("_", " ")), ar)
        for zone, ar in _cities(read["ar", "timeZoneNames"]["dates"]["timeZoneNames"]["zone"])
    ]
    known = {name.en for name in countries}
    return [
        name
        for name in (*countries, *(city for city in cities if city.en not in known))
        if _is_plain(name)
    ]


def _is_plain(name: Name) -> bool:
    """Whether it stands in a sentence without an article, in both languages."""
    return (
        name.en.replace(" ", "").isalpha()
        and not name.en.endswith("s")
        and name.en not in _AMBIGUOUS
        and not name.ar.startswith("ال")
        and len(name.ar) > 3
    )


def _main(path: Path, language: str) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))["main"][language]


def _cities(node: Any, zone: str = "") -> Iterator[tuple[str, str]]:
    """(zone, city) of every zone whose city is named."""
    for key, value in node.items():
        if key == "exemplarCity":
            yield zone, value
        elif isinstance(value, dict):
            yield from _cities(value, f"{zone}/{key}")


def people(english: str, arabic: str) -> list[Name]:
    """People named in a text, with their names in its translation, "" where not found."""
    sounded = _sounded(arabic)
    found = {}
    for match in _PERSON.finditer(english):
        kind = next((k for k, names in _FIRST_NAMES.items() if match[1] in names), None)
        name = re.sub(r"['’]s?$", "", match.group())
        if kind and len(name.split()[-1]) > 3:
            found[name] = Name(kind, name, _aligned(name, sounded))
    return list(found.values())


def places(pairs: Iterable[tuple[str, str]]) -> list[Name]:
    """Places said to be in, by both a sentence and its translation."""
    found = {}
    for english, arabic in pairs:
        for match in _PLACE.finditer(english):
            form = _aligned(match[1], _sounded(arabic), after=("في", "مدينة"))
            if form and match[1] not in _MONTHS and not form.startswith("ال"):
                found[match[1]] = Name("place", match[1], form)
    return list(found.values())


def _sounded(text: str) -> list[tuple[str, str]]:
    return [(word, _sounds(word)) for word in _WORD.findall(text)]


@lru_cache(maxsize=100_000)
def _sounds(word: str) -> str:
    return skeleton(fold(word))


def _aligned(name: str, sounded: Sequence[tuple[str, str]], after: Sequence[str] = ()) -> str:
    wanted = [_sounds(part) for part in name.replace("-", " ").split() if "." not in part]
    for i in range(len(sounded) - len(wanted) + 1 if all(wanted) else 0):
        there = sounded[i : i + len(wanted)]
        if [sounds for _, sounds in there] != wanted or there[0][0].isascii():
            continue
        if after and (not i or sounded[i - 1][0] not in after):
            continue
        form = " ".join(word for word, _ in there)
        # "and" is written as part of the word after it.
        return form[1:] if form[0] == "و" and name[0] not in "WVUO" else form
    return ""
