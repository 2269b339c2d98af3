"""Negation put into a statement or taken out of it, in English and Arabic."""

import random
import re
from collections.abc import Callable

from eval.support.false import Setting
from eval.support.words import END, START, words
from index.normalize import fold
from index.types import Language

# Where these stand, "not" changes little, or breaks the grammar.
_ENGLISH_UNSAFE = re.compile(
    r"\b(?:if|whether|unless|not|never|no|nor|neither|none|nobody|nothing|nowhere|hardly|barely|"
    r"rarely|without|any|anyone|anything|all|every|everyone|everything|each|both|either|only|even|"
    r"yet|still|already|also|always|until|but|than|just|too|perhaps|maybe|may|might|some|someone|"
    r"something|another|few|little|several|many|instead|rather|as|much|often|sometimes|so|ever)\b|n't|\?",
    re.IGNORECASE,
)
_AUXILIARY = re.compile(
    r"(?<!what )(?<=[\w,)\"”] )(is|was|are|were|will|would|can|could|should)"
    r"(?= (?!to\b|about\b|like\b)[a-z])"
    r"|(?<=\w )(has|have|had)(?= (?:been|become|taken|made|given|seen|gone|done|"
    r"(?!need|indeed)[a-z]{2,}ed)\b)"
)
# Finite wherever they stand, as the participle is another word.
_PASTS = dict(
    pair.split(":")
    for pair in words(
        """went:go took:take gave:give came:come became:become began:begin knew:know
            wrote:write grew:grow chose:choose spoke:speak drove:drive flew:fly
            ate:eat threw:throw broke:break"""
    )
)
_PAST = re.compile(rf"(?<=\w )({'|'.join(_PASTS)})(?= (?!and\b)\w)")
_ENGLISH_NOT = re.compile(
    r"\b(is|was|are|were|will|would|could|should|has|have|had|does|do|did|can)"
    r"(?:n't| not)(?= [a-z])"
    r"|\b(cannot|can't|won't)(?= [a-z])"
)
_UNDONE = {"cannot": "can", "can't": "can", "won't": "will"}
_NEEDS_NOT = re.compile(
    r"\b(?:not only|any|anyone|anybody|anything|anymore|anywhere|ever|yet|at all|until|either|"
    r"necessarily|nor|but|however|because|though|whether|if|just|even|much|rather|instead|neither|"
    r"longer|all|every|lest|since|for (?:years|months|decades)|\w+ or)\b|\?",
    re.IGNORECASE,
)

# Past, its jussive. The feminine past ends in ت and the jussive then begins with it.
_VERBS = dict(
    pair.split(":")
    for pair in words(
        """كان:يكن قال:يقل أضاف:يضف صرح:يصرح صرّح:يصرح أكد:يؤكد أعلن:يعلن أصبح:يصبح تم:يتم
            وصل:يصل فاز:يفز بدأ:يبدأ أشار:يشر شارك:يشارك بلغ:يبلغ حصل:يحصل توفي:يتوف
            تولى:يتول أدى:يؤد انتهى:ينته أظهر:يظهر تعرض:يتعرض أعرب:يعرب أفاد:يفد
            أخبر:يخبر تسبب:يتسبب كشف:يكشف تلقى:يتلق تحدث:يتحدث أصدر:يصدر أرسل:يرسل
            اعترف:يعترف استمر:يستمر التحق:يلتحق تخرج:يتخرج تأسس:يتأسس اشتهر:يشتهر
            غادر:يغادر تزوج:يتزوج شهد:يشهد قام:يقم عاش:يعش عاد:يعد ألقى:يلق أسس:يؤسس
            اخترع:يخترع هاجر:يهاجر سيطر:يسيطر نشأ:ينشأ أقيم:يقم وُلد:يولد قُتل:يقتل
            سجل:يسجل انضم:ينضم انتقل:ينتقل استخدم:يستخدم ظهر:يظهر زعم:يزعم أوضح:يوضح
            واجه:يواجه"""
    )
)
_FEMININE = {re.sub("ى$", "", past) + "ت": "ت" + jussive[1:] for past, jussive in _VERBS.items()}
_JUSSIVE = {**_VERBS, **_FEMININE}
_PASTS_OF = {jussive: past for past, jussive in reversed(_JUSSIVE.items())}
# Nouns too, when written without vowels; only "ولم" before them would tell.
_FIRST_VERB = re.compile(rf"^([وف]?)(?:[ل]?قد )?({'|'.join(_JUSSIVE)}){END}(?=[ :])")
_WAS = re.compile(rf"(?<=\w )([وف]?)(كان|كانت|تم|تمت){END}(?= )")
_PRESENT = re.compile(
    r"(?:^|(?<=\w )|(?<=، ))([وف]?)((?:ي|ت)(?:مكن|وجد|عتبر|بلغ|شمل|تضمن|قع|عيش|ستخدم|متلك|عتقد|تم|"
    r"عمل|حتوي|مثل|واجه|تراوح|ختلف|شتهر|لعب|ؤمن|تكون|تألف|قوم|هدف|ؤدي|عود))"
    rf"{END}(?= )"
)
_FUTURE = re.compile(
    r"(?:^|(?<=\w )|(?<=، ))([وف]?)(?:سوف |س)((?:ي|ت)(?:كون|تم|قوم|ؤدي|صبح|ستمر|"
    rf"ساعد|جعل|بدأ|واجه|عود|حصل|لعب|حتاج|بقى|ظل|شارك|ستضيف|عقد)){END}(?= )"
)
_IS_THE = re.compile(
    rf"(?<=\w )(?:(هو)(?= (?:ال\w{{3,}}|أحد){END})|(هي)(?= (?:ال\w{{3,}}|\w{{3,}}ة|إحدى){END}))"
)
# Looked for in the folded text, as a statement may be spelled without hamza.
_ARABIC_UNSAFE = re.compile(
    r"\b[وفبل]?(?:لم|لا|لن|ليس|ليست|غير|الا|سوي|اذا|ان لم|لو|هل|كل|جميع|اي|ايه|ابدا|فقط|فحسب|"
    r"بعض|كما|لكن|بل|ما|مما|بعدما|عندما|حين|كلما|ربما|ايضا|كذلك|حتي|مازال|شتي)\b|؟"
)
_ARABIC_NEEDS_NOT = re.compile(
    r"\b[وفبل]?(?:الا|سوي|بل|لكن|لكنه|لكنها|اي|ايه|احد|ابدا|قط|بعد|فقط|فحسب|غير|حتي|ولا|ايضا|"
    r"كذلك|سيما|اذا|هل|كما|شيء|مطلقا|يزال|تزال|يزالون|نهايا|لان|لانه|لانها|او|منذ|ما|"
    r"ان لم|من قبل|يقل|تقل|يسع|سواء)\b|؟"
)
_ARABIC_NOT = (
    (
        re.compile(
            rf"{START}([وف]?)لم ({'|'.join(sorted(_PASTS_OF, key=len, reverse=True))}){END}(?= )"
        ),
        "past",
    ),
    (re.compile(rf"{START}([وف]?)لن ((?:ي|ت)\w{{2,}})(?<!وا){END}(?=[ .])"), "future"),
    (
        re.compile(rf"{START}([وف]?)لا ((?:ي|ت)\w{{2,}}){END}(?= )"),
        "present",
    ),
)


def add_not(
    text: str, language: Language, setting: Setting, generator: random.Random
) -> str | None:
    """The first verb that can be negated by a fixed rule, negated."""
    return _add_english(text) if language == "en" else _add_arabic(text)


def drop_not(
    text: str, language: Language, setting: Setting, generator: random.Random
) -> str | None:
    """The only negation taken away, where nothing else in the sentence leans on it."""
    return _drop_english(text) if language == "en" else _drop_arabic(text)


def _add_english(text: str) -> str | None:
    # What is unsafe is so within its clause.
    for match in sorted(
        [*_AUXILIARY.finditer(text), *_PAST.finditer(text)], key=lambda m: m.start()
    ):
        start = max(text.rfind(mark, 0, match.start()) for mark in (",", ";", ":", '"', "“")) + 1
        clause = re.split(r"[,;:\"”]", text[start:])[0]
        if _ENGLISH_UNSAFE.search(clause):
            continue
        word = match.group()
        new = f"did not {_PASTS[word]}" if word in _PASTS else f"{word} not"
        new = "cannot" if word == "can" else new
        return text[: match.start()] + new + text[match.end() :]
    return None


def _drop_english(text: str) -> str | None:
    found = list(_ENGLISH_NOT.finditer(text))
    if len(found) != 1 or _NEEDS_NOT.search(text):
        return None
    word = found[0][1] or _UNDONE[found[0][2]]
    return text[: found[0].start()] + word + text[found[0].end() :]


def _add_arabic(text: str) -> str | None:
    if _ARABIC_UNSAFE.search(fold(text)):
        return None
    rules: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
        (_FIRST_VERB, lambda m: f"{m[1]}لم {_JUSSIVE[m[2]]}"),
        (_FUTURE, lambda m: f"{m[1]}لن {m[2]}"),
        (_WAS, lambda m: f"{m[1]}لم {_JUSSIVE[m[2]]}"),
        (_IS_THE, lambda m: "ليس" if m[1] else "ليست"),
        (_PRESENT, lambda m: f"{m[1]}لا {m[2]}"),
    )
    for pattern, new in rules:
        match = pattern.search(text)
        before = text[: match.start()].split()[-1:] if match else []
        if match and not set(before) & _NO_NOT_AFTER:
            return text[: match.start()] + new(match) + text[match.end() :]
    return None


# "that" before a subjunctive joins with the negation; the others are no place for one.
_NO_NOT_AFTER = frozenset(
    words("""أن قد وقد لقد فقد بأن كي لكي سوف مثلما حيثما حين أينما كيف وأن""")
)


def _drop_arabic(text: str) -> str | None:
    n = len(re.findall(rf"{START}[وف]?(?:لم|لا|لن|ليس|ليست|غير|عدم){END}", text))
    if n != 1 or _ARABIC_NEEDS_NOT.search(fold(text)):
        return None
    for pattern, tense in _ARABIC_NOT:
        match = pattern.search(text)
        if match:
            verb = match[2]
            new = {"past": _PASTS_OF.get(verb, ""), "future": "س" + verb, "present": verb}[tense]
            return text[: match.start()] + match[1] + new + text[match.end() :]
    return None
