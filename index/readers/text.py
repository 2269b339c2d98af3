"""Plain text and Markdown, and the encodings that Arabic sites use."""

import codecs
import re
from collections.abc import Iterator

from index.readers.records import File, RawArticle, Skipped, UnreadableError

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_GUESSES = ("windows-1252", "windows-1256", "iso-8859-6")
_LETTER = re.compile(r"[^\W\d_]")
_ARABIC_LETTER = re.compile("[\u0621-\u064a]")
# In a wrong Arabic code page letters turn into other letters: these words are lost.
_COMMON = re.compile(r"(?<!\w)(?:ال\w{2,}|وال\w{2,}|في|من|على|إلى|أن|عن|التي|هذا|مع|كان|قال)(?!\w)")
_MIXED = re.compile("[A-Za-z][\u0621-\u064a]|[\u0621-\u064a][A-Za-z]")
# Accented letters stand among plain ones; anything else is not Western text.
_STRAY = re.compile(r"(?<![A-Za-z])[^\W\d_A-Za-z](?![A-Za-z])")
_EVEN_ZEROS = 0.2


def decode(data: bytes, declared: str = "") -> tuple[str, str]:
    """Text with Unix line ends, and the encoding where it was guessed rather than known.

    UTF-8, or what a byte order mark says, is certain. Anything else is what `declared` says, if
    the text then reads as words, or the code page in which most of the words are Arabic.

    Raises:
        UnreadableError: The bytes are no text.
    """
    mark = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        return _tidy(data.decode(mark)), ""
    except UnicodeDecodeError as error:
        if mark != "utf-8":
            raise UnreadableError(f"is not valid {mark.upper()[:6]}; save it as UTF-8") from error
        if found := _guess(data, declared):
            return found
        byte = data[error.start : error.start + 1].hex()
        raise UnreadableError(
            f"is not valid UTF-8 (byte 0x{byte} at {error.start:,}), nor of another encoding "
            "Burhan knows; save it as UTF-8"
        ) from error
    except UnreadableError:
        # UTF-16 without its mark is full of zeros, and may yet be valid UTF-8.
        if found := _utf16(data):
            return found
        raise


def _tidy(text: str) -> str:
    if "\0" in text:
        raise UnreadableError("looks like a binary file, not text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _utf16(data: bytes) -> tuple[str, str] | None:
    if len(data) % 2 or len(data) < 4:
        return None
    for offset, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        # The high bytes of Arabic and Latin text are 6 and 0, and little else.
        high = data[offset::2]
        if (high.count(0) + high.count(6)) / len(high) < 1 - _EVEN_ZEROS:
            continue
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if "\0" not in text and _is_words(text):
            return _tidy(text), name
    return None


def _guess(data: bytes, declared: str) -> tuple[str, str] | None:
    if found := _utf16(data):
        return found
    stated = _known(declared)
    best: tuple[int, str, str] = (0, "", "")
    for name in dict.fromkeys((stated, *_GUESSES)):
        try:
            text = data.decode(name) if name else ""
        except (UnicodeDecodeError, LookupError):
            continue
        if "\0" not in text and _is_words(text):
            score = _plausibility(text) + (name == stated)
            best = max(best, (score, name, text), key=lambda guess: guess[0])
    score, name, text = best
    return (_tidy(text), name) if score > 0 else None


def _plausibility(text: str) -> int:
    """How many common Arabic words it has, less the words that mix scripts; 1 for plain Western."""
    if _ARABIC_LETTER.search(text):
        return len(_COMMON.findall(text)) - len(_MIXED.findall(text))
    return 0 if _STRAY.search(text) else 1


def _known(name: str) -> str:
    """The encoding's usual name, "" for none or one that is not for text."""
    name = {"windows1256": "windows-1256", "x-cp1256": "windows-1256"}.get(name.lower(), name)
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    is_text = getattr(info, "_is_text_encoding", True)
    return name.lower() if is_text and not info.name.startswith("utf") else ""


def _is_words(text: str) -> bool:
    """Whether most characters are letters and spaces, and hardly any are controls."""
    sample = text[:100_000]
    controls = sum((c < " " and c not in "\t\n\r\f") or "\x7f" <= c <= "\x9f" for c in sample)
    letters = len(_LETTER.findall(sample)) + sample.count(" ")
    return bool(sample) and controls * 50 <= len(sample) and letters * 2 >= len(sample)


def read_text(file: File) -> Iterator[RawArticle | Skipped]:
    """A text file as one page."""
    text, encoding = decode(file.read_bytes())
    yield RawArticle(text=text, path=file.path, encoding=encoding, is_page=True)


def read_markdown(file: File) -> Iterator[RawArticle | Skipped]:
    """A Markdown file as one page, its first heading as the title."""
    text, encoding = decode(file.read_bytes())
    title = ""
    heading = re.match(r"\s*#\s+(.+?)\s*#*\s*(?:\n|$)", text)
    if heading:
        text, title = text[heading.end() :], heading[1]
    yield RawArticle(text=text, title=title, path=file.path, encoding=encoding, is_page=True)
