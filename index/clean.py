"""What a site leaves around an article: whole lines of chrome, and the heading above the text.

Only whole lines go; inside a line the author's words are never touched.
"""

import re
from collections.abc import Container
from dataclasses import dataclass

from index import metadata
from index.digest import text_digest
from index.normalize import fold

# Matched against a whole line without emoji, bullets and trailing counts.
_CHROME = re.compile(
    r"""(?:
      facebook|whatsapp|telegram|twitter|x|linkedin|instagram|youtube|pinterest|reddit|email|print
    | فيسبوك | تويتر | واتساب | تلغرام | تيلغرام | انستغرام | طباعه | بريد
    | share(?:\ (?:this|on)\b.{0,40})? | copy\ link | save | follow\ us\b.{0,40}
    | sign\ up\b.{0,60} | subscribe\b.{0,60}
    | مشاركه(?:\ المقال)?(?:\ عبر)?.{0,12}
    | شارك(?:\ (?:المقال|الخبر))?(?:\ عبر)? | نسخ\ الرابط | تابعنا.*
    | (?:اشترك|سجل)\ (?:الان|في\ (?:نشرتنا|النشره|القناه|قناتنا)).{0,60}
    | (?:advertisement|اعلان|اعلانات)
    | accept(?:\ all)?\ cookies
    | (?:(?:read|see|watch)\ (?:also|more|next)|also\ read|related)\s*:.*
    | (?:image|photo|picture|video|صوره|الصوره|تصوير|فيديو)\s*[:/].{0,60}
    | لمشاهده\ (?:الصور|الفيديو)
    | (?:by|written\ by|reporting\ by|بقلم|كتب|كتبت|اعداد|تحرير|تقرير|حوار)\s*[:/].{2,40}
    | (?:click|tap)\ here\ to\ .{0,60} | get\ (?:the\ )?(?:daily|weekly|latest)\ .{0,40}
    | (?:would\ you\ like\ to|please\ read\ our|join\ our)\ comment.{0,40}
    | (?:فيسبوك|تويتر|يوتيوب|انستغرام|تلغرام|facebook|twitter|youtube)\s*:\s*\S+
    | (?:اقرا(?:\ ايضا)?|اقرا\ المزيد|شاهد(?:\ ايضا)?|مواضيع\ ذات\ صله)\s*:.*
    | خاص\s*[-–—:|].{1,40} | \d{1,4} | \W+
    )""",
    re.X | re.I,
)
_NOTICE = re.compile(
    r"we use cookies.*|نستخدم ملفات تعريف الارتباط.*|(?:اقرا|اقرا ايضا|read also)\s*:.*"
)
# From such a line on, only more chrome follows as long as no paragraph does.
_TAIL = re.compile(
    r"""(?:
      مقالات\ ذات\ صله | مواضيع\ ذات\ صله | اخبار\ (?:متعلقه|ذات\ صله)
    | التعليقات | اضف\ تعليق(?:ا)?
    | الاكثر\ (?:قراءه|مشاهده) | اهم\ (?:المواضيع|التصنيفات) | اقسام
    | الكلمات\ (?:المفتاحيه|الدلاليه) | وسوم
    | related\ (?:articles|stories|news) | most\ (?:read|popular)
    | comments? | leave\ a\ (?:comment|reply)
    | tags | more\ from.{1,40} | you\ may\ also\ like | recommended
    )(?:\s*\(?\d*\)?)?\s*:?""",
    re.X | re.I,
)
_SENTENCE_END = re.compile(r"[.!?؟…][\"”»)\]]*$")
_PARAGRAPH_CHARS = 120
_N_EDGE = 2
_EDGE_CHARS = 30


@dataclass(frozen=True, slots=True)
class CleanPage:
    """A page's text without chrome, and what its chrome and heading said."""

    text: str
    title: str
    outlet: str
    published: str


def clean_page(text: str, title: str = "") -> CleanPage:
    """Takes the chrome lines and the heading off a page's text."""
    outlet = metadata.find_outlet(text)
    lines = text.split("\n")
    keep = [line for line in _without_tail(lines) if not _is_chrome(line)]
    body_at = next((i for i, line in enumerate(keep) if _is_paragraph(line)), None)
    if body_at is None:
        return CleanPage("\n".join(keep).strip(), title, outlet, metadata.find_date(lines))
    body_at += _n_teasers(keep[body_at:])
    head = [line.strip() for line in keep[:body_at] if line.strip()]
    headings = [line for line in head if not _is_paragraph(line)]
    title = title or metadata.choose_title(headings, keep[body_at])
    # Headings under the title are the author's; those above it, and its copies, are the site's.
    after = head[len(head) - head[::-1].index(title) :] if title in head else headings
    under = [line for line in after if _is_paragraph(line) or fold(line) != fold(title)]
    if len(headings) < len(head):  # teasers of other articles stand among the headings
        under = []
    body = "\n".join([*under, *keep[body_at:]]).strip()
    return CleanPage(body, title, outlet, metadata.find_date(head))


def edge_lines(text: str) -> list[str]:
    """The first and last two lines of an article that are long enough to be told apart."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    edges = dict.fromkeys([*lines[:_N_EDGE], *lines[-_N_EDGE:]])
    return [line for line in edges if len(line) >= _EDGE_CHARS] if len(lines) > _N_EDGE else []


def without_lines(text: str, digests: Container[bytes]) -> str:
    """The text without those of its `edge_lines` that have one of the digests."""
    gone = {line for line in edge_lines(text) if text_digest(line) in digests}
    if not gone:
        return text
    return "\n".join(line for line in text.split("\n") if line.strip() not in gone).strip()


def _is_chrome(line: str) -> bool:
    bare = re.sub(r"[^\w\s:()/|.–—-]", "", fold(line)).strip(" •|·")
    if not bare:
        return bool(line.strip())
    # A sentence may begin with any of these words; only notices that are sentences always go.
    return bool(_NOTICE.fullmatch(bare)) or (
        not _is_paragraph(line) and bool(_CHROME.fullmatch(bare) or _is_tail(line))
    )


def _is_tail(line: str) -> bool:
    return bool(_TAIL.fullmatch(re.sub(r"[^\w\s():]", "", fold(line)).strip()))


def _is_paragraph(line: str) -> bool:
    line = line.strip()
    return len(line) >= _PARAGRAPH_CHARS or (len(line) > 40 and bool(_SENTENCE_END.search(line)))


def _without_tail(lines: list[str]) -> list[str]:
    last = max((i for i, line in enumerate(lines) if _is_paragraph(line)), default=-1)
    for i, line in enumerate(lines[last + 1 :], last + 1):
        if _is_tail(line):
            return lines[:i]
    return lines


def _n_teasers(lines: list[str]) -> int:
    """How many lines, from the first, show other cards: a cut copy of a later line leads them."""
    first = lines[0].strip().removesuffix("...").removesuffix("…").rstrip()
    if first == lines[0].strip():
        return 0
    for i, line in enumerate(lines[1:], 1):
        if line.strip().startswith(first):
            return i
    return 0
