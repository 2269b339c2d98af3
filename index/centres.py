"""Mean vectors of each language, to be taken out before vectors are compared.

An encoder puts most of a vector's length into what all texts of one language share; what tells
texts apart is the rest. Questions and passages have different means. Those of the packaged
encoder are shipped (from NTREX, ANT Corpus and MKQA texts); other encoders start from none.
"""

from functools import cache
from importlib.resources import files

import numpy as np

from index import e5
from index.encoder import Encoder, Floats, Kind, unit
from index.types import Language

# Share of the mean that is removed. Tuned on NTREX and ARCD, where .5 to 1.0 differ little.
_VECTOR_SHARE = 1.0
_TOKEN_SHARE = 0.8


def centre_vector(vector: Floats, encoder: Encoder, kind: Kind, language: Language) -> Floats:
    """Text vectors, (..., dimension), without what the language's texts share; unit length."""
    return unit(vector - _VECTOR_SHARE * _mean(encoder.fingerprint, f"{kind}_{language}_vector"))


def centre_tokens(tokens: Floats, encoder: Encoder, kind: Kind, language: Language) -> Floats:
    """Token vectors, (n_tokens, dimension), without what the language's tokens share."""
    return unit(tokens - _TOKEN_SHARE * _mean(encoder.fingerprint, f"{kind}_{language}_token"))


@cache
def _mean(fingerprint: str, name: str) -> Floats:
    if not fingerprint.startswith(f"{e5.NAME}:"):
        return np.zeros(1, np.float32)
    with files("index").joinpath("e5_centres.npz").open("rb") as file, np.load(file) as saved:
        return np.asarray(saved[name], np.float32)
