"""Near-duplicate articles share a story: MinHash signatures, looked up by bands.

Broder, "On the resemblance and containment of documents" (1997); banding as in Leskovec,
Rajaraman and Ullman, "Mining of Massive Datasets", chapter 3.
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from datasketch import MinHash

from index.normalize import search_terms

# 32 bands of 4 find a pair of Jaccard similarity .5 with probability .87, of .3 with .23.
N_BANDS = 32
_ROWS_PER_BAND = 4
_N_PERMUTATIONS = N_BANDS * _ROWS_PER_BAND
SAME_STORY = 0.5

Signature = npt.NDArray[np.uint64]


def signature(text: str) -> Signature:
    """MinHash signature of the text's pairs of neighbouring terms, (128,)."""
    terms = search_terms(text)
    shingles = {f"{a} {b}".encode() for a, b in pairwise(terms)} or {text.encode()}
    minhash = MinHash(num_perm=_N_PERMUTATIONS, seed=1)
    minhash.update_batch(shingles)
    return np.asarray(minhash.hashvalues, np.uint64)


def bands(values: Signature) -> list[bytes]:
    """One key for each band; two texts that share any are worth comparing."""
    return [
        bytes([i]) + values[i * _ROWS_PER_BAND : (i + 1) * _ROWS_PER_BAND].astype("<u4").tobytes()
        for i in range(N_BANDS)
    ]


def similarity(a: Signature, b: Signature) -> float:
    """Estimated Jaccard similarity."""
    return float(np.mean(a == b))
