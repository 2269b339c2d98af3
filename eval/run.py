"""A benchmark run: what is asked, of what, and where its results are kept."""

import hashlib
import importlib
import importlib.metadata
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from eval.dataset import Dataset, Split, check_golds
from eval.judge import Judge
from eval.outcomes import TRACKS, Outcome, collect, make_systems, plan
from eval.score import Measure, Scorer
from index.encoder import open_encoder
from index.errors import SettingsError, SourceError
from index.ingest import index_sources
from index.types import Article
from rag.assistant import Assistant, open_assistant
from rag.query import make_query
from rag.settings import Settings

EXTRACTIVE, MODEL = "extractive", "model"
OUTCOMES, SETTINGS = "outcomes.jsonl", "run.json"
_LIBRARIES = (
    "faiss-cpu", "ir-measures", "langchain-core", "numpy", "onnxruntime", "scipy",
    "sentence-transformers", "tantivy", "tokenizers",
)  # fmt: skip
_SOURCES = ("rag", "index", "eval", "prompts")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a user asked for; `output` is the folder that holds all runs."""

    dataset: Dataset
    output: Path
    split: Split = "test"
    limit: int | None = None
    tracks: tuple[str, ...] = TRACKS
    engine: str = EXTRACTIVE
    baselines: bool = True
    judge: str = ""
    judge_url: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run. `settings` is what was saved with it."""

    folder: Path
    settings: dict[str, Any]
    dataset: Dataset
    articles: Mapping[str, Article]
    outcomes: list[Outcome]
    measures: list[Measure]


def run(
    asked: Plan,
    assistant: Assistant,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Run:
    """Asks everything that an earlier, stopped run of the same has not, and scores all of it.

    Args:
        asked: What to measure.
        assistant: What is measured; see `open_for`.
        on_progress: Called with the number of tasks done, and of all.

    Raises:
        SourceError: The set cannot be asked of this index; what was done so far is kept.
        SettingsError: An unknown track or engine.
    """
    unknown = sorted(set(asked.tracks) - set(TRACKS))
    if unknown:
        raise SettingsError(f"track {unknown[0]!r} is not one of {', '.join(TRACKS)}")
    dataset = asked.dataset.only(asked.split, asked.limit)
    _check_questions(dataset, assistant)
    articles = {article.article_id: article for article in assistant.articles()}
    check_golds(dataset, articles)
    engine = _open_engine(asked.engine, assistant)
    if asked.engine != MODEL:
        assistant = _quoting(assistant)
    judge = Judge(asked.judge, asked.judge_url) if asked.judge else None
    described = _describe(asked, dataset, assistant, articles)
    folder = _folder(asked, described)
    systems = make_systems(
        _quoting(assistant), engine, asked.tracks, articles, baselines=asked.baselines, judge=judge
    )
    tasks = plan(dataset, systems, asked.tracks)
    outcomes = collect(tasks, systems, articles, folder / OUTCOMES, on_progress)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    described |= {
        "answered": datetime.now(UTC).isoformat(timespec="seconds"),
        "peak_mb": round(peak / (1024 if sys.platform != "darwin" else 1024**2)),
    }
    measures = Scorer(dataset, articles).measures(outcomes, asked.tracks)
    return Run(folder, described, dataset, articles, outcomes, measures)


def finish(done: Run) -> None:
    """Marks a run whose reports are written; until then the same command goes on with it."""
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    _write(done.folder / SETTINGS, done.settings | {"finished": finished})


def open_for(asked: Plan, settings: Settings, index: Path | None = None) -> Assistant:
    """The assistant on that index, else on one made of the dataset's own articles, if it has any.

    Raises:
        RagError: It cannot be opened; the message says why.
    """
    if index is None and asked.dataset.articles:
        index = _index_of(asked, settings)
    return open_assistant(index, settings)


def _index_of(asked: Plan, settings: Settings) -> Path:
    """An index of the dataset's own articles, made once for each encoder."""
    encoder = open_encoder(settings.encoder, settings.cache, settings.encoder_backend)
    articles = asked.dataset.articles
    seen = hashlib.sha256(encoder.fingerprint.encode())
    for article in articles:
        seen.update(repr(article).encode())
    folder = asked.output / "indexes" / seen.hexdigest()[:16]
    if not (folder / "CURRENT").exists():
        names = ("article_id", "language", "title", "text", "source", "url", "published", "updated")
        rows = ({name: asdict(a)[name] for name in names} for a in articles)
        with tempfile.TemporaryDirectory(prefix="burhan-eval-") as name:
            source = Path(name) / "articles.jsonl"
            lines = (json.dumps(row, ensure_ascii=False) for row in rows)
            source.write_text("\n".join(lines), encoding="utf-8")
            index_sources([source], folder, encoder)
    return folder


def _quoting(assistant: Assistant) -> Assistant:
    """The assistant without a language model."""
    if not assistant.settings.llm:
        return assistant
    return Assistant(assistant.store, assistant.settings.model_copy(update={"llm": ""}))


def _open_engine(name: str, assistant: Assistant) -> Any:
    """The assistant with or without its model, or what `module:factory` makes of it."""
    if name == EXTRACTIVE:
        return _quoting(assistant)
    if name == MODEL:
        if not assistant.settings.llm:
            raise SettingsError(f"engine {MODEL!r} wants a model; set BURHAN_LLM=PROVIDER:MODEL")
        return assistant
    module, _, factory = name.partition(":")
    if os.getcwd() not in sys.path:  # a script's path does not hold where it was called
        sys.path.insert(0, os.getcwd())
    try:
        engine = getattr(importlib.import_module(module), factory)(assistant)
    except Exception as error:  # a user's own factory may raise anything
        raise SettingsError(
            f"engine {name!r} cannot be opened ({error}); give {EXTRACTIVE!r}, {MODEL!r}, or "
            "module:factory, a function of yours that takes the assistant and gives something "
            "with ask()"
        ) from error
    if not callable(getattr(engine, "ask", None)):
        raise SettingsError(f"engine {name!r} made a {type(engine).__name__}, which has no ask()")
    return engine


def _check_questions(dataset: Dataset, assistant: Assistant) -> None:
    for case in dataset.cases:
        try:
            make_query(case.question, max_chars=assistant.settings.max_question_chars)
        except ValueError as error:
            raise SourceError(f"{dataset.name}: {case.case_id}: {error}") from error


def _engine_checksum(name: str) -> str:
    """Of an evaluator's own engine: a stopped run must not go on with another."""
    module = sys.modules.get(name.partition(":")[0])
    file = getattr(module, "__file__", None)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()[:16] if file else ""


def _describe(
    asked: Plan, dataset: Dataset, assistant: Assistant, articles: Mapping[str, Article]
) -> dict[str, Any]:
    """Everything that the numbers depend on, and then where and when."""
    indexed = hashlib.sha256()
    for article_id in sorted(articles):
        indexed.update(repr(articles[article_id]).encode())
    settings = assistant.settings.model_dump(mode="json", exclude={"index", "cache"})
    for name in ("llm_url", "llm_fallback_url"):  # may hold a password
        settings[name] = re.sub(r"//[^/@]*@", "//", settings[name])
    decides = {
        "dataset": dataset.name,
        "dataset_checksum": dataset.checksum,
        "split": asked.split if any(case.split for case in dataset.cases) else "all",
        "limit": asked.limit,
        "tracks": list(asked.tracks),
        "engine": asked.engine,
        "engine_checksum": _engine_checksum(asked.engine),
        "baselines": asked.baselines,
        "judge": asked.judge,
        "judge_url": asked.judge_url,
        "settings": settings,
        "encoder": assistant.store.encoder.fingerprint,
        "n_articles": len(articles),
        "articles_checksum": indexed.hexdigest()[:16],
        "code_checksum": _code_checksum(),
        "seeds": {"bootstrap": 0, "permutation": 0},
        "versions": {name: importlib.metadata.version(name) for name in _LIBRARIES},
    }
    identity = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:12]
    return decides | {
        "identity": identity,
        "burhan": importlib.metadata.version("burhan"),
        "git": _git_revision(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _folder(asked: Plan, described: dict[str, Any]) -> Path:
    """The stopped run of the same identity if there is one, and a new folder otherwise."""
    stem = f"{described['dataset']}-{described['identity']}"
    for number in range(1, 10_000):
        folder = asked.output / (stem if number == 1 else f"{stem}-{number}")
        saved = folder / SETTINGS
        if not saved.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _write(saved, described)
            return folder
        if "finished" not in read_settings(folder):
            return folder
    raise SourceError(f"{asked.output}: holds too many runs named {stem}; remove some")


def read_settings(folder: Path) -> dict[str, Any]:
    """What a run was made with.

    Raises:
        SourceError: The folder holds no run.
    """
    try:
        found: dict[str, Any] = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise SourceError(
            f"{folder}: holds no run of burhan eval ({error}); give the folder that one printed"
        ) from error
    return found


def _write(path: Path, value: object) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(value, ensure_ascii=False, indent=2), encoding="utf-8")
    partial.replace(path)


def _code_checksum() -> str:
    """Of our own source and phrases: an answer depends on them whether committed or not."""
    digest = hashlib.sha256()
    for package in _SOURCES:
        root = Path(str(files(package)))
        for path in sorted([*root.rglob("*.py"), *root.rglob("*.toml"), *root.rglob("*.npz")]):
            digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _git_revision() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    here = Path(str(files("rag"))).parent
    try:
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
