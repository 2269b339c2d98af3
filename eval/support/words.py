"""Words and digits of both languages that mean the same, or are of a kind."""

import re

from index.types import Language

# Arabic words may end in a vowel mark, which \b does not see.
START, END = r"(?<![\w\u064b-\u0652])", r"(?![\w\u064b-\u0652])"

# English, then Arabic: the two customs of the Arabic press.
MONTHS: tuple[tuple[str, ...], ...] = (
    ("January", "يناير", "كانون الثاني"),
    ("February", "فبراير", "شباط"),
    ("March", "مارس", "آذار"),
    ("April", "أبريل", "نيسان"),
    ("May", "مايو", "أيار"),
    ("June", "يونيو", "حزيران"),
    ("July", "يوليو", "تموز"),
    ("August", "أغسطس", "آب"),
    ("September", "سبتمبر", "أيلول"),
    ("October", "أكتوبر", "تشرين الأول"),
    ("November", "نوفمبر", "تشرين الثاني"),
    ("December", "ديسمبر", "كانون الأول"),
)
DAYS: tuple[tuple[str, ...], ...] = (
    ("Saturday", "السبت"),
    ("Sunday", "الأحد"),
    ("Monday", "الاثنين", "الإثنين"),
    ("Tuesday", "الثلاثاء"),
    ("Wednesday", "الأربعاء"),
    ("Thursday", "الخميس"),
    ("Friday", "الجمعة"),
)


def words(text: str) -> tuple[str, ...]:
    """The words of a list written as a text."""
    return tuple(text.split())


# Words that take each other's place without a change of grammar, by language.
WORD_NUMBERS: dict[Language, tuple[tuple[str, ...], ...]] = {
    "en": (
        words("three four five six seven eight nine ten eleven twelve"),
        words("twenty thirty forty fifty sixty seventy eighty ninety"),
        words("third fourth fifth sixth seventh eighth ninth tenth"),
        words("million billion"),
    ),
    "ar": (
        words("ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة"),
        words("ثلاث أربع خمس سبع تسع"),
        words("عشرين ثلاثين أربعين خمسين ستين سبعين ثمانين تسعين"),
        words("الثالث الرابع الخامس السادس السابع الثامن التاسع العاشر"),
        words("الثالثة الرابعة الخامسة السادسة السابعة الثامنة التاسعة العاشرة"),
        words("مليون مليار"),
    ),
}
NUMBER = re.compile(
    r"(?<![\w.,٬٫:/–-])\d+(?:[,٬]\d{3})*(?:[.٫]\d+)?(?![\w:/–\u064b]|[.,٬٫]\d|-\d|st|nd|rd|th)"
)
TO_ARABIC_DIGITS = str.maketrans("0123456789,.", "٠١٢٣٤٥٦٧٨٩٬٫")
TO_ASCII_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩٬٫", "0123456789,.")


def values(text: str) -> set[str]:
    """The numbers written in digits, as plain ASCII."""
    return {plain_digits(m.group()) for m in re.finditer(r"\d+(?:[,٬]\d{3})*(?:[.٫]\d+)?", text)}


def plain_digits(number: str) -> str:
    """The number in ASCII digits without separators of thousands."""
    return number.translate(TO_ASCII_DIGITS).replace(",", "")
