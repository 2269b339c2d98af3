"""Articles cut into chunks of whole sentences, measured in the encoder's own tokens."""

from collections.abc import Callable, Sequence
from hashlib import blake2b

from langchain_text_splitters import RecursiveCharacterTextSplitter

from index.sentences import split_sentences
from index.types import Article, Chunk

TokenCounter = Callable[[Sequence[str]], list[int]]

# Where a sentence too long for one chunk may be cut, best place first.
_SEPARATORS = ["؛", ";", "،", ", ", " ", ""]


def chunk_article(article: Article, count_tokens: TokenCounter, max_tokens: int) -> list[Chunk]:
    """Chunks in text order, each of whole sentences, together covering every sentence.

    Sentences are packed to even sizes of at most `max_tokens` tokens: an article slightly over
    the limit becomes two halves rather than one full chunk and a scrap. A single sentence over
    the limit is cut at its commas.
    """
    spans = _fitting_sentences(article, count_tokens, max_tokens)
    sizes = count_tokens([article.text[start:end] for start, end in spans])
    n_chunks = -(-sum(sizes) // max_tokens) or 1
    target = sum(sizes) / n_chunks
    chunks: list[Chunk] = []
    first = filled = 0
    for i, size in enumerate(sizes):
        last = i + 1 == len(sizes)
        filled += size
        over_next = not last and filled + sizes[i + 1] > max_tokens
        if last or over_next or filled >= target:
            chunks.append(_chunk(article, len(chunks), spans[first][0], spans[i][1], filled))
            first, filled = i + 1, 0
    return chunks


def _fitting_sentences(
    article: Article, count_tokens: TokenCounter, max_tokens: int
) -> list[tuple[int, int]]:
    spans = split_sentences(article.text, article.language)
    sizes = count_tokens([article.text[start:end] for start, end in spans])
    fitting = []
    for (start, end), size in zip(spans, sizes, strict=True):
        if size <= max_tokens:
            fitting.append((start, end))
            continue
        # Characters are cheap to measure; at worst a character is a token.
        splitter = RecursiveCharacterTextSplitter(
            separators=_SEPARATORS,
            chunk_size=max(1, (end - start) * max_tokens // (2 * size)),
            chunk_overlap=0,
            keep_separator="end",
            strip_whitespace=False,
        )
        for piece in splitter.split_text(article.text[start:end]):
            fitting.append((start, start + len(piece)))
            start += len(piece)
    return fitting


def _chunk(article: Article, ordinal: int, start: int, end: int, n_tokens: int) -> Chunk:
    text = article.text[start:end]
    digest = blake2b(f"{article.article_id}\0{start}\0{text}".encode(), digest_size=8).hexdigest()
    return Chunk(
        chunk_id=digest,
        article_id=article.article_id,
        language=article.language,
        ordinal=ordinal,
        text=text,
        start=start,
        end=end,
        n_tokens=n_tokens,
    )
