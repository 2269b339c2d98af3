"""Sentences with exact offsets, in either language."""

import re

from sentencex import get_sentence_boundaries

from index.types import Language

# Abbreviations after which sentencex ends an Arabic sentence: titles such as "د." (Dr.).
_TITLE_END = re.compile(r"(?:^|[\s(«“\"])[أ-ي]{1,2}\.\s*$")


def split_sentences(text: str, language: Language) -> list[tuple[int, int]]:
    """(start, end) of every sentence, in order, without surrounding white space.

    A line break always ends a sentence, as headings and list items carry no full stop.
    """
    spans: list[tuple[int, int]] = []
    for line in re.finditer(r"[^\r\n\u2028\u2029]+", text):
        joined = False
        for start, end in _boundaries(line.group(), language):
            start, end = start + line.start(), end + line.start()
            if joined:
                start = spans.pop()[0]
            stripped = text[start:end].strip()
            if not stripped:
                continue
            start += len(text[start:end]) - len(text[start:end].lstrip())
            spans.append((start, start + len(stripped)))
            joined = language == "ar" and bool(_TITLE_END.search(text[start:end]))
    return spans


def _boundaries(line: str, language: Language) -> list[tuple[int, int]]:
    """Consecutive spans covering the line. sentencex counts characters; checked, not trusted."""
    spans, position = [], 0
    for boundary in get_sentence_boundaries(language, line):
        piece = boundary["text"]
        if not line.startswith(piece, position):
            return [(0, len(line))]
        spans.append((position, position + len(piece)))
        position += len(piece)
    if position < len(line):
        spans.append((position, len(line)))
    return spans
