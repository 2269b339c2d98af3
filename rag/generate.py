"""A language model's answer: numbered sentences in, checked statements with their citations out.

Every statement is checked against what it cites before a reader sees it (`rag.support`).
"""

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from index.errors import ModelError
from index.normalize import detect_language, fold
from index.sentences import split_sentences
from index.types import LANGUAGES, Hit, Language
from prompts import say
from rag.evidence import Candidate
from rag.extractive import spoken_date
from rag.facts import months, weekdays
from rag.injection import addresses_a_model, as_data
from rag.model import ChatModel, Messages, Usage, count_tokens
from rag.support import SupportChecker
from rag.types import Evidence, Query, Turn

_MAX_SENTENCES = 40
_TURNS = 3
_TURN_CHARS = 500
# Share of the window that the conversation may take, and what the model's own template takes.
_HISTORY_SHARE, _SPARE_TOKENS = 0.15, 64
_MARKERS = re.compile(r"[\[【]\s*(\d{1,4}(?:\s*[-–,،;]\s*\d{1,4}){0,20})\s*[\]】]")
_MARKER_RUN = re.compile(r"(?:\s*[\[【][\d\s,،;–-]+[\]】])*")
_MARKUP = re.compile(r"\*\*|__|`+|^\s*#{1,6}\s+|^\s*>\s+|!?\[([^\]\[]*)\]\([^()]*\)", re.MULTILINE)
_QUOTED = re.compile(r"«([^«»]*)»|“([^“”]*)”|\"([^\"\n]*)\"|‘([^‘’]*)’|(?<!\w)'([^'\n]*)'(?!\w)")
_NUMBERED = re.compile(r"\W*\d{1,3}[.)]?\W*")  # of a list
# What reasoning models think aloud before they answer.
_THOUGHT = re.compile(r"\s*<think(?:ing)?>.*?(?:</think(?:ing)?>\s*|\Z)", re.DOTALL)
_THOUGHT_ENDS = re.compile(r".*</think(?:ing)?>\s*", re.DOTALL)
_MAX_REWRITE = 300


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is sent, and the sentences its markers count, from 1."""

    messages: Messages
    sentences: list[Candidate]


def make_prompt(query: Query, candidates: Sequence[Candidate], model: ChatModel) -> Prompt:
    """Fits instructions, question, conversation and sources into the model's window.

    Args:
        query: The question.
        candidates: Sentences, the most useful first; the last are left out when room is short.
        model: Gives the room.
    """
    language = query.language
    instructions = _say(language, "instructions", as_of=query.as_of.isoformat())
    question = as_data(query.question)
    room = model.window - model.answer_tokens - _SPARE_TOKENS
    room -= count_tokens(instructions) + count_tokens(
        _say(language, "question", sources="", question=question)
    )
    history = _history(query, int(room * _HISTORY_SHARE))
    room -= sum(count_tokens(text) for _, text in history)
    chosen = _fitting(candidates, language, room)
    asked = _say(language, "question", sources=_sources(chosen, language), question=question)
    return Prompt([("system", instructions), *history, ("human", asked)], chosen)


def _history(query: Query, room: int) -> Messages:
    """The last turns, as many as there is room for."""
    messages: Messages = []
    for turn in reversed(query.history[-_TURNS:]):
        asked, answered = (turn.question, turn.answer) if isinstance(turn, Turn) else turn
        pair = [("human", as_data(asked)[:_TURN_CHARS])]
        if answered:
            pair.append(("ai", _MARKERS.sub("", as_data(answered))[:_TURN_CHARS]))
        room -= sum(count_tokens(text) for _, text in pair)
        if room < 0:
            break
        messages = pair + messages
    return messages


def _fitting(candidates: Sequence[Candidate], language: Language, room: int) -> list[Candidate]:
    """The first candidates that fit, grouped by chunk and in the order of their text."""
    chosen: list[Candidate] = []
    seen: set[str] = set()
    for candidate in candidates:
        text = as_data(_text(candidate))
        if len(chosen) == _MAX_SENTENCES or not text or addresses_a_model(_text(candidate)):
            continue
        cost = count_tokens(text) + 6
        if candidate.hit.chunk.chunk_id not in seen:
            cost += count_tokens(_heading(candidate.hit, language)) + 4
        if cost > room:
            continue
        room -= cost
        seen.add(candidate.hit.chunk.chunk_id)
        chosen.append(candidate)
    return sorted(chosen, key=lambda c: (c.hit.rank, c.start))


def _text(candidate: Candidate) -> str:
    return candidate.hit.article.text[candidate.start : candidate.end]


def _heading(hit: Hit, language: Language) -> str:
    article = hit.article
    title = "" if addresses_a_model(article.title) else as_data(article.title)
    dated = spoken_date(article.published, language) if article.published else ""
    return " · ".join(filter(None, (as_data(article.source), dated, title)))


def _sources(chosen: Sequence[Candidate], language: Language) -> str:
    blocks: dict[str, list[str]] = {}
    headings: dict[str, str] = {}
    for number, candidate in enumerate(chosen, 1):
        key = candidate.hit.chunk.chunk_id
        headings[key] = _heading(candidate.hit, language)
        blocks.setdefault(key, []).append(f"[{number}] {as_data(_text(candidate))}")
    return "\n\n".join(
        _say(language, "source", heading=headings[key], sentences="\n".join(lines))
        for key, lines in blocks.items()
    )


@dataclass(slots=True)
class Writer:
    """Takes a model's text as it comes and gives back what of it stands.

    `evidence` are the cited sentences, in the order of their new markers. `n_failed` counts
    statements that were removed or marked.
    """

    query: Query
    sentences: Sequence[Candidate]
    checker: SupportChecker
    mark: bool = False
    evidence: list[Evidence] = field(default_factory=list)
    n_failed: int = 0
    declined: bool = False
    _buffer: str = ""
    _began: bool = False

    def take(self, piece: str) -> Iterator[str]:
        """The statements that the piece completes, checked."""
        self._buffer += piece
        if "</think" not in self._buffer and "<think" in self._buffer:
            return
        # Some begin to think before their reply does.
        self._buffer = _THOUGHT_ENDS.sub("", self._buffer)
        yield from self._up_to(_ends(self._buffer, self.query.language))

    def finish(self) -> Iterator[str]:
        """What is left once the model has ended; not for one that broke off."""
        self._buffer = _THOUGHT.sub("", self._buffer)
        ends = _ends(self._buffer, self.query.language)
        yield from self._up_to([*ends, len(self._buffer)])

    def _up_to(self, ends: Sequence[int]) -> Iterator[str]:
        start = 0
        for end in ends:
            if (statement := self._buffer[start:end]).strip() and not self.declined:
                yield from self._checked(statement)
            start = end
        self._buffer = self._buffer[start:]

    def _checked(self, statement: str) -> Iterator[str]:
        space = statement[: len(statement) - len(statement.lstrip())]
        text = _MARKUP.sub(lambda m: m[1] or "", statement.strip())
        if not self._began and _bare(text) in _no_answers():
            self.declined = True
            return
        if _NUMBERED.fullmatch(text):
            return
        cited = self._cited(text)
        plain = _MARKERS.sub("", text)
        plain = re.sub(r"\s+(?=[.,،؛;:!?؟]|$)", "", as_data(plain)).strip()
        if not re.search(r"\w", plain):
            return
        if self._stands(plain, cited):
            shown = f"{_unquoted(plain, cited)} {self._markers(cited)}"
        else:
            self.n_failed += 1
            if not self.mark:
                return
            shown = f"{plain} {_say(self.query.language, 'unverified')}"
        bullet = re.match(r"\s*[-*•]\s+", plain)
        between = ("\n" if "\n" in space or bullet else " ") if self._began else ""
        if space.count("\n") > 1 and self._began:
            between = "\n\n"
        self._began = True
        yield between + shown

    def _cited(self, text: str) -> list[Candidate]:
        """The sentences that the markers of a statement count; none of those that do not exist."""
        numbers: dict[int, None] = {}
        for inside in _MARKERS.findall(text):
            for part in re.split(r"[,،;]", inside):
                bounds = [int(n) for n in re.findall(r"\d+", part)]
                if bounds and bounds[-1] - bounds[0] < _MAX_SENTENCES:
                    numbers |= dict.fromkeys(range(bounds[0], bounds[-1] + 1))
        return [self.sentences[n - 1] for n in numbers if 1 <= n <= len(self.sentences)]

    def _stands(self, plain: str, cited: Sequence[Candidate]) -> bool:
        if not cited or detect_language(_without_quotes(plain)) != self.query.language:
            return False
        articles = [candidate.hit.article for candidate in cited]
        known = " ".join(f"{article.source} {article.title}" for article in articles)
        if months(plain) or weekdays(plain):
            dates = [article.published for article in articles if article.published]
            known += " " + " ".join(spoken_date(one, self.query.language) for one in dates)
        return self.checker.check(plain, [_text(one) for one in cited], known).supported

    def _markers(self, cited: Sequence[Candidate]) -> str:
        known = {
            (one.hit.chunk.article_id, one.start, one.end): one.marker for one in self.evidence
        }
        markers = []
        for candidate in cited:
            key = (candidate.hit.chunk.article_id, candidate.start, candidate.end)
            if key not in known:
                known[key] = len(self.evidence) + 1
                self.evidence.append(as_evidence(candidate, known[key]))
            markers.append(known[key])
        return "".join(f"[{marker}]" for marker in dict.fromkeys(markers))


def _bare(text: str) -> str:
    return " ".join(re.findall(r"[^\W\d_]+", fold(text)))


def _no_answers() -> set[str]:
    return {_bare(_say(language, "no_answer")) for language in LANGUAGES}


def as_evidence(candidate: Candidate, marker: int) -> Evidence:
    """A candidate as the evidence of a marker."""
    return Evidence(
        marker=marker,
        hit=candidate.hit,
        start=candidate.start,
        end=candidate.end,
        quote=_text(candidate),
        score=candidate.score,
    )


def _ends(text: str, language: Language) -> list[int]:
    """Where each sentence ends that another follows, its markers included."""
    ends: list[int] = []
    for start, end in split_sentences(text, language):
        after = _MARKER_RUN.match(text, end)
        end = after.end() if after else end
        rest = text[end:]
        if not rest.strip() and "\n" not in rest:
            break
        if rest.lstrip().startswith(("[", "【")) or (ends and end <= ends[-1]):
            continue
        if start >= (ends[-1] if ends else 0):
            ends.append(end)
    return ends


def _without_quotes(text: str) -> str:
    bare = _QUOTED.sub(" ", text)
    return bare if re.search(r"[^\W\d_]", bare) else text


def _unquoted(plain: str, cited: Sequence[Candidate]) -> str:
    """The statement without quotation marks around words that are not the source's."""
    source = " ".join(" ".join(_text(one).split()) for one in cited)

    def keep(match: re.Match[str]) -> str:
        inside = next(group for group in match.groups() if group is not None)
        return match.group() if inside.strip() and inside.strip(" .,،") in source else inside

    kept = _QUOTED.sub(keep, plain)
    return kept if _is_paired(kept) else re.sub(r"[«»“”\"]", "", kept)


def _is_paired(text: str) -> bool:
    ends = (("«", "»"), ("“", "”"))
    return all(text.count(a) == text.count(b) for a, b in ends) and text.count('"') % 2 == 0


def rewrite(
    query: Query, model: ChatModel, usage: Usage, cancelled: threading.Event | None
) -> Query:
    """The question made to stand alone by the model; as it was where the model gives nothing."""
    language = detect_language(query.question)
    turns = "\n".join(
        f"- {text}" for role, text in _history(query, model.window // 4) if role in ("human", "ai")
    )
    asked = say("rewrite", language, "question", turns=turns, question=as_data(query.question))
    messages = [("system", say("rewrite", language, "instructions")), ("human", asked)]
    try:
        text = _THOUGHT.sub("", "".join(model.stream(messages, usage, cancelled)))
        text = _THOUGHT_ENDS.sub("", text)
        text = " ".join(text.split()).strip(' «»"“”')
    except ModelError as error:
        if error.kind == "cancelled":
            raise
        return query
    usable = 0 < len(text) <= _MAX_REWRITE and detect_language(text) == language
    return replace(query, text=text) if usable and re.search(r"\w", text) else query


def _say(language: Language, phrase: str, **values: object) -> str:
    return say("answer", language, phrase, **values)
