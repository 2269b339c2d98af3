"""A question that leans on the ones before it, made to stand alone.

Without a language model: what the conversation is about is carried over, from the last question
that stood alone, through those that leaned on it.
"""

import re

from index.normalize import detect_language, fold, search_terms
from rag.facts import latin_names
from rag.types import History, Turn

# What only means something after another turn: openings, then pronouns and pointers anywhere.
_OPENING = re.compile(
    r"(?:and|also|but|so|then|or|what about|how about|says who|ok|okay|"
    r"و(?:ماذا|كيف|متي|من|اين|كم|لماذا|هل|ما|عن|اي|بكم|الي|علام|عم|بم|باي|مع|في|منذ|لم|لمن|مم)|"
    r"ماذا عن|ايضا|ثم|طيب|حسنا)(?!\w)"
)
_POINTING = re.compile(
    r"(?<!\w)(?:he|she|it|they|him|her|his|hers|its|their|theirs|them|this|that|those|these|there|"
    r"then|one|ones|other|others|else|same|such|both|another|before that|"
    r"هو|هي|هم|هما|هذا|هذه|ذلك|ذاك|تلك|هناك|هنالك|هنا|هؤلاء|اولئك|بعدها|قبلها|حينها|عندها|"
    r"اخر|اخرون|اخرين|اخري|نفسه|نفسها)(?!\w)"
)
# Arabic writes a pronoun on to its word; looked for before folding, which turns ة into ه.
_ATTACHED = re.compile(r"(?<!\w)\w{2,}(?:ها|هم|هما|هن|ه)(?!\w)")
_NO_PRONOUN = frozenset(
    re.findall(
        r"\w+",
        """الله هذه وجه مياه المياه اتجاه باتجاه شبه فقه منتزه المنتزه انتباه أهم الأهم مهم
        المهم سهم درهم الدرهم إبراهيم وهم فهم متهم المتهم تجاه جاه أوجه تفاهم التفاهم الأسهم
        أسهم الفقه الوجه الشبه مشابه نزيه كريه توجيه التوجيه تنبيه ترفيه الترفيه تشبيه فواكه
        الفواكه طه أنه أنها أنهم لأنه لأنها لأنهم إنه إنها إنهم لكنه لكنها كأنه كأنها""",
    )
)
# With more words of its own than that, a pronoun stands for one of them.
_MANY_TERMS = 5
_LAST = 1
# A question with no name of its own and so few words that tell leans too: "How many joined?"
_FEW_TERMS = {"ar": 2, "en": 3}


def standalone(question: str, history: History) -> str:
    """The question with what the conversation is about in front, when it leans on that."""
    about: list[str] = []
    for turn in (*history, (question, "")):
        asked = turn.question if isinstance(turn, Turn) else turn[0]
        # The subject, and the last that was asked of it.
        about = [*about[:1], *about[1:][-_LAST:], asked] if about and leans(asked) else [asked]
    return " ".join(about)


def leans(question: str) -> bool:
    """Whether the question needs the conversation before it to mean anything."""
    folded = fold(question)
    if _OPENING.match(folded.lstrip(" ¿«\"'")) or _POINTING.search(folded):
        return True
    n_terms = len(set(search_terms(question)))
    attached = {match.group() for match in _ATTACHED.finditer(question)} - _NO_PRONOUN
    if attached and n_terms <= _MANY_TERMS:
        return True
    return not latin_names(question) and n_terms <= _FEW_TERMS[detect_language(question)]
