"""What must be known of an encoder before its vectors compare across languages.

Means: an encoder puts most of a vector's length into what all texts of one language share; what
tells texts apart is the rest. Questions and passages have different means.

Background: what unrelated passages score for a question, so that a score can be told from noise
even when the collection is small or all about one thing.

The packaged encoder's are shipped: the means of NTREX, ANT Corpus and MKQA texts, and the token
codes of sample articles. `python -m index.statistics DATA NAME` makes the file again, or that of a
folder made by `index.train`. Other encoders have none; their scores are calibrated by the
collection alone.
"""

import gzip
import json
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from index import codes
from index.encoder import Encoder, Floats, Kind, open_encoder, unit
from index.errors import EncoderError
from index.types import LANGUAGES, Language

# Share of the mean that is removed. On NTREX and ARCD .5 to 1.0 differ little.
_VECTOR_SHARE = 1.0
TOKEN_SHARE = 0.8
_N_BACKGROUND = 32
_PASSAGE_CHARS = 1_000


def centre_vector(vector: Floats, encoder: Encoder, kind: Kind, language: Language) -> Floats:
    """Text vectors, (..., dimension), without what the language's texts share; unit length."""
    mean = _shipped(encoder.statistics).get(f"{kind}_{language}_vector")
    return vector if mean is None else unit(vector - np.asarray(_VECTOR_SHARE * mean, np.float32))


def centre_tokens(tokens: Floats, encoder: Encoder, kind: Kind, language: Language) -> Floats:
    """Token vectors, (n_tokens, dimension), without what the language's tokens share."""
    mean = _shipped(encoder.statistics).get(f"{kind}_{language}_token")
    return tokens if mean is None else unit(tokens - np.asarray(TOKEN_SHARE * mean, np.float32))


def background(encoder: Encoder, language: Language) -> list[bytes]:
    """Token codes of unrelated passages; none for an encoder without statistics."""
    shipped = _shipped(encoder.statistics)
    if not shipped:
        return []
    ends = np.cumsum(shipped[f"background_{language}_lengths"])[:-1]
    return [part.tobytes() for part in np.split(shipped[f"background_{language}"], ends)]


def token_means(statistics: Path, kind: Kind, language: Language) -> Floats:
    """The mean token vector of a language's texts, (dimension,), of an encoder's statistics."""
    mean: Floats = _shipped(statistics)[f"{kind}_{language}_token"]
    return mean


@cache
def _shipped(path: Path | None) -> Mapping[str, npt.NDArray[Any]]:
    if path is None or not path.exists():
        return {}
    with np.load(path) as saved:
        return dict(saved)


def _make(data: Path, name: str) -> None:
    encoder = open_encoder(name)
    path = encoder.statistics
    if path is None:
        raise EncoderError(f"{name} is not the packaged encoder, nor a folder with its layers")
    found: dict[str, npt.NDArray[Any]] = {}
    for language in LANGUAGES:
        texts: dict[Kind, list[str]] = {
            "query": list(_mkqa_questions(data, language)),
            "passage": [*_ntrex_documents(data, language), *_ant_articles(data, language)],
        }
        for kind, some in texts.items():
            encoded = list(encoder.encode(some, kind))
            found[f"{kind}_{language}_vector"] = np.mean([one.vector for one in encoded], axis=0)
            found[f"{kind}_{language}_token"] = np.concatenate(
                [one.tokens for one in encoded]
            ).mean(axis=0)
    np.savez(path, **found)  # type: ignore[arg-type]
    _shipped.cache_clear()
    for language in LANGUAGES:
        sample = list(islice(_sample_openings(language), _N_BACKGROUND))
        packed = [
            codes.pack(centre_tokens(one.tokens, encoder, "passage", language))
            for one in encoder.encode(sample, "passage")
        ]
        found[f"background_{language}"] = np.frombuffer(b"".join(packed), np.uint8)
        found[f"background_{language}_lengths"] = np.array([len(codes_) for codes_ in packed])
    np.savez_compressed(path, **found)  # type: ignore[arg-type]


def _mkqa_questions(data: Path, language: Language) -> Iterable[str]:
    lines = (data / "questions/mkqa_dev.ar-en.jsonl").read_text(encoding="utf-8").splitlines()
    return (json.loads(line)[f"q_{language}"] for line in lines)


def _ntrex_documents(data: Path, language: Language) -> Iterable[str]:
    lines = (data / "ntrex/docs.jsonl").read_text(encoding="utf-8").splitlines()
    return (" ".join(json.loads(line)[language])[:_PASSAGE_CHARS] for line in lines)


def _ant_articles(data: Path, language: Language) -> Iterable[str]:
    if language != "ar":
        return ()
    with gzip.open(data / "ant/articles.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"][:_PASSAGE_CHARS] for line in islice(lines, 0, None, 25)]


def _sample_openings(language: Language) -> Iterable[str]:
    sample = files("index").joinpath(f"sample/articles.{language}.jsonl")
    for line in sample.read_text(encoding="utf-8").splitlines():
        paragraphs = json.loads(line)["text"].split("\n\n")
        yield "\n\n".join(paragraphs[:3])
        yield "\n\n".join(paragraphs[3:])


if __name__ == "__main__":
    _make(Path(sys.argv[1]), sys.argv[2])
