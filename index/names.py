"""Names written in either script, met on common ground.

News crosses languages by its names, and transliteration keeps a name's consonants better than
anything else: كونيكو and Conoco both come to "knk". Two words of the same skeleton are often
unrelated, so this is evidence to add up, never proof.
"""

import re
from functools import lru_cache

from index.normalize import ARABIC_PREFIXES, fold, stopwords

_MIN_WORD, _MIN_SKELETON = 3, 3
_WORD = re.compile(r"\w+")
# Sounds that one script or the other does not tell apart share a letter; vowels, semivowels,
# h and the pharyngeals go.
_ARABIC = {
    **dict.fromkeys("بپ", "b"),
    **dict.fromkeys("تطث", "t"),
    **dict.fromkeys("جچغگ", "g"),
    **dict.fromkeys("دضذ", "d"),
    **dict.fromkeys("سصشزظ", "s"),
    **dict.fromkeys("فڤ", "f"),
    **dict.fromkeys("خقك", "k"),
    **dict(zip("رلمن", "rlmn", strict=True)),
}
_DIGRAPHS = (
    *(("tch", "s"), ("sch", "s"), ("sh", "s"), ("ch", "s"), ("kh", "k"), ("gh", "g")),
    *(("ph", "f"), ("th", "t"), ("dh", "d"), ("ck", "k"), ("qu", "k"), ("x", "ks")),
    *(("ce", "se"), ("ci", "si"), ("cy", "si")),
)
_LATIN = {
    **{c: c for c in "bdfgklmnrst"},
    "c": "k",
    "q": "k",
    "p": "b",
    "v": "f",
    "j": "g",
    "z": "s",
}


def name_terms(text: str) -> list[str]:
    """Consonant skeletons of the text's words, in order, and its numbers; many are no names."""
    words = (word for word in _WORD.findall(fold(text)) if len(word) >= _MIN_WORD)
    return [term for word in words if word not in stopwords() and (term := skeleton(word))]


@lru_cache(maxsize=200_000)
def skeleton(word: str) -> str:
    """Skeleton of one folded word of either script, "" when too little is left of it."""
    if word.isdigit():
        return word
    if word.isascii():
        for digraph, sound in _DIGRAPHS:
            word = word.replace(digraph, sound)
        sounds = "".join(_LATIN.get(letter, "") for letter in word)
    else:
        prefix = next((p for p in ARABIC_PREFIXES if word.startswith(p)), "")
        if len(word) - len(prefix) >= _MIN_WORD:
            word = word[len(prefix) :]
        sounds = "".join(_ARABIC.get(letter, "") for letter in word)
    sounds = re.sub(r"(.)\1+", r"\1", sounds)
    return sounds if len(sounds) >= _MIN_SKELETON else ""
