"""Digests by which articles and encodings are told apart."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from hashlib import blake2b
from zlib import crc32

from index.types import Article, Chunk

_BYTES = 16


def text_digest(text: str) -> bytes:
    """16-byte digest of a text."""
    return blake2b(text.encode(), digest_size=_BYTES).digest()


def article_digest(article: Article) -> bytes:
    """Digest of everything an article says, to see whether it changed; the story is not part."""
    fields = asdict(replace(article, story_id=""))
    # The author came later; without one the digest is what it was before.
    author = fields.pop("author")
    return text_digest("\0".join([*fields.values(), *([author] if author else [])]))


def chunk_digest(chunk: Chunk, fingerprint: str) -> bytes:
    """Digest of a chunk's text as that encoder encodes it.

    The language is part of it: vectors are centred by language before they are stored.
    """
    return encoding_digest(fingerprint, text_digest(f"{chunk.language}\0{chunk.text}"))


def encoding_digest(fingerprint: str, text: bytes) -> bytes:
    """Digest of the text of that digest, encoded by that encoder."""
    return blake2b(fingerprint.encode() + text, digest_size=_BYTES).digest()


def crc(*parts: bytes) -> int:
    """CRC-32 of the parts, one after the other."""
    total = 0
    for part in parts:
        total = crc32(part, total)
    return total


def row_crc(values: Sequence[str | bytes | int | None]) -> int:
    """CRC-32 of the values of a database row."""
    return crc32(repr(tuple(values)).encode())
