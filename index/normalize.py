"""The searched copy of a text: folding, stemming, and which of the two languages it is in.

Stored text is never touched; only what is compared is folded. Arabic folding removes what writers
leave out or vary (vowel marks, tatweel, hamza seats, final ya and ta marbuta); digits of every
script become ASCII, so that ٢٠٢٤ and 2024 are one term.
"""

import re
import unicodedata
from functools import cache, lru_cache

import snowballstemmer

from index.types import Language

# Vowel marks, superscript alef, Quranic marks, tatweel, zero-width and bidirectional controls.
_DROPPED = [
    *range(0x0610, 0x061B),
    *range(0x064B, 0x0660),
    0x0670,
    *range(0x06D6, 0x06EE),
    0x0640,
    0x00AD,
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x206A),
    0xFEFF,
]
_FOLDED = dict.fromkeys(_DROPPED) | str.maketrans("أإآٱىةؤئکگیې", "اااايهويككيي")
_LATIN_MARKS = dict.fromkeys(range(0x0300, 0x0370))
_WORD = re.compile(r"\d+(?:[.,]\d+)+|\w+")
_ARABIC = re.compile(r"[\u0620-\u064A\u066E-\u06D3\u0750-\u077F\uFB50-\uFDFF\uFE70-\uFEFC]")
_LETTER = re.compile(r"[^\W\d_]")

# Light10 (Larkey, Ballesteros and Connell, 2002), after folding.
ARABIC_PREFIXES = ("وال", "بال", "كال", "فال", "لل", "ال")
_SUFFIXES = ("ها", "ان", "ات", "ون", "ين", "يه", "ه", "ي")

_STOPWORDS = {
    "ar": """في من على الى عن مع ان
        انه انها هو هي هم هذا هذه ذلك تلك التي الذي الذين ما ماذا متى
        اين كيف كم هل لماذا لم لن لا قد كان كانت يكون
        او ثم بين بعد قبل عند حيث كما كل و ف ب ل ك اي""",
    "en": """a an and are as at be been but by did do does for from had has have he her his how i in
        is it its of on or s she that the their them they this to was were what when where which
        who whom whose why will with you""",
}


def fold(text: str) -> str:
    """The text as search compares it; not the same length, so never use offsets of it."""
    text = unicodedata.normalize("NFKC", text).translate(_FOLDED)
    text = unicodedata.normalize("NFD", text).translate(_LATIN_MARKS)
    text = unicodedata.normalize("NFC", text).casefold()
    return "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in text)


def detect_language(text: str) -> Language:
    """Arabic when at least as many letters are Arabic as not; exact for short questions too."""
    arabic = len(_ARABIC.findall(text))
    return "ar" if arabic and 2 * arabic >= len(_LETTER.findall(text)) else "en"


def search_terms(text: str) -> list[str]:
    """Folded, stemmed terms of both languages, in order, for lexical search."""
    words = (word.replace(",", "") for word in _WORD.findall(fold(text)))
    return [stem(word) for word in words if word not in stopwords()]


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """Stem of one folded word: light10 for Arabic, Snowball for English, digits unchanged."""
    if _ARABIC.match(word):
        return _light10(word)
    return str(_english_stemmer().stemWord(word)) if word.isascii() else word


@cache
def stopwords() -> frozenset[str]:
    """Folded function words of both languages."""
    return frozenset(fold(" ".join(_STOPWORDS.values())).split())


@cache
def _english_stemmer() -> snowballstemmer.stemmer:
    return snowballstemmer.stemmer("english")


def _light10(word: str) -> str:
    if len(word) > 3 and word.startswith("و"):
        word = word[1:]
    for prefix in ARABIC_PREFIXES:
        if word.startswith(prefix) and len(word) - len(prefix) >= 2:
            word = word[len(prefix) :]
            break
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 2:
            word = word[: -len(suffix)]
    return word
