"""Texts to vectors: one for the whole text, and one for each token.

`open_encoder` gives the packaged encoder on ONNX Runtime, which starts in under a second, or any
sentence-transformers model by name.
"""

import json
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from index import e5
from index.errors import EncoderError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from sentence_transformers import SentenceTransformer

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]
Kind = Literal["query", "passage"]
KINDS: tuple[Kind, ...] = ("query", "passage")

# Larger batches fall out of the processor's cache: 19 chunks/s at 800 tokens, 15 at 6,000.
_BATCH_TOKENS = 1_000
# Counts changes of how the ONNX file is built from the same weights.
_BUILD = 3


@dataclass(frozen=True, slots=True)
class Encoded:
    """One encoded text.

    Attributes:
        vector: Unit vector of the whole text, (dimension,).
        tokens: Unit vector of each of the text's own tokens, (n_tokens, dimension); prompt and
            special tokens are left out.
        spans: Characters of the text that each token covers, (n_tokens, 2).
    """

    vector: Floats
    tokens: Floats
    spans: npt.NDArray[np.int32]


class Encoder(Protocol):
    """What an index needs of an encoder; safe to share between threads.

    `fingerprint` changes whenever vectors stop being comparable. `statistics` is the file that
    `index.statistics` reads, and `reader` the one that `rag.reader` does, if there is one.
    `max_tokens` counts the text's own tokens, without prompt and special ones.
    """

    fingerprint: str
    statistics: Path | None
    reader: Path | None
    dimension: int
    max_tokens: int

    def encode(self, texts: Sequence[str], kind: Kind) -> Iterator[Encoded]:
        """The texts encoded, in order; questions are `query`, stored text is `passage`."""
        ...

    def token_spans(self, text: str) -> npt.NDArray[np.int32]:
        """Characters each token of a passage covers, (n_tokens, 2), as in `Encoded.spans`."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Number of the encoder's tokens in each text."""
        ...


def open_encoder(
    name: str = e5.TRAINED, cache: Path | None = None, backend: str = "onnx"
) -> Encoder:
    """The encoder of that name.

    Args:
        name: A packaged encoder (burhan-e5-small, or multilingual-e5-small-q4, which it was trained
            from), a folder that `index.train` made, or any sentence-transformers model (a folder,
            or a name on the model hub, which needs a network the first time).
        cache: Where built encoders are kept; the user's cache folder by default.
        backend: "onnx", falling back to "torch" where it cannot be built, or "torch". Only the
            packaged encoder, trained further or not, has the former.

    Raises:
        EncoderError: The model cannot be found, downloaded or built.
    """
    layers = e5.layers_folder(name)
    if name != e5.NAME and not layers:
        fingerprint = f"sentence-transformers:{name}"
        return SentenceTransformerEncoder(_load_named(name), fingerprint)
    if backend == "onnx":
        try:
            return OnnxE5(_built_onnx(cache or default_cache(), layers), layers)
        except (ImportError, RuntimeError) as error:
            logger.warning("no ONNX encoder (%s); using PyTorch, which is slower", error)
    model = e5.load_sentence_transformer(layers)
    return SentenceTransformerEncoder(
        model, e5.fingerprint(layers), e5_statistics(layers), e5.reader_path(layers)
    )


def default_cache() -> Path:
    """The folder for built encoders, under XDG_CACHE_HOME."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "burhan"


class OnnxE5:
    """The packaged encoder, with its own or other layers, in int8 on ONNX Runtime."""

    dimension = e5.DIMENSION

    def __init__(self, path: Path, layers: Path | None = None) -> None:
        self.fingerprint = e5.fingerprint(layers)
        self.statistics: Path | None = e5_statistics(layers)
        self.reader = e5.reader_path(layers)
        self._session = onnx_session(path)
        self._tokenizer = e5.open_tokenizer()
        self._prefixes: dict[Kind, str] = {"query": e5.QUERY_PREFIX, "passage": e5.PASSAGE_PREFIX}
        # The prefix's last space belongs to the text's first token.
        self._n_prefix = {
            k: len(self._tokenizer.encode(p.rstrip()).ids) - 1 for k, p in self._prefixes.items()
        }
        self.max_tokens = e5.MAX_TOKENS - max(self._n_prefix.values()) - 1

    def encode(self, texts: Sequence[str], kind: Kind) -> Iterator[Encoded]:
        prefix = self._prefixes[kind]
        encodings = self._tokenizer.encode_batch([prefix + text for text in texts])
        order = sorted(range(len(texts)), key=lambda i: -len(encodings[i].ids))
        done: dict[int, Encoded] = {}
        waiting = 0
        while order:
            longest = len(encodings[order[0]].ids)
            batch = order[: max(1, _BATCH_TOKENS // longest)]
            order = order[len(batch) :]
            ids = np.zeros((len(batch), longest), np.int64)
            mask = np.zeros((len(batch), longest), np.int64)
            for row, i in enumerate(batch):
                ids[row, : len(encodings[i].ids)] = encodings[i].ids
                mask[row, : len(encodings[i].ids)] = 1
            (output,) = self._session.run(None, {"input_ids": ids, "attention_mask": mask})
            for row, i in enumerate(batch):
                done[i] = self._encoded(output[row, : len(encodings[i].ids)], encodings[i], kind)
            while waiting in done:
                yield done.pop(waiting)
                waiting += 1

    def _encoded(self, output: Floats, encoding: Any, kind: Kind) -> Encoded:
        skip = self._n_prefix[kind]
        spans = np.array(encoding.offsets[skip:-1], np.int32).reshape(-1, 2)
        return Encoded(
            vector=unit(output.mean(axis=0)),
            tokens=unit(output[skip:-1]),
            spans=np.maximum(spans - len(self._prefixes[kind]), 0),
        )

    def token_spans(self, text: str) -> npt.NDArray[np.int32]:
        skip = self._n_prefix["passage"]
        offsets = self._tokenizer.encode(e5.PASSAGE_PREFIX + text).offsets[skip:-1]
        spans = np.array(offsets, np.int32).reshape(-1, 2) - len(e5.PASSAGE_PREFIX)
        return np.maximum(spans, 0)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(e.ids) + sum(len(o.ids) for o in e.overflowing) for e in encodings]


class SentenceTransformerEncoder:
    """Any sentence-transformers model, on PyTorch."""

    def __init__(
        self,
        model: "SentenceTransformer",
        fingerprint: str,
        statistics: Path | None = None,
        reader: Path | None = None,
    ) -> None:
        self._model = model
        self.fingerprint = fingerprint
        self.statistics = statistics
        self.reader = reader
        dimension = model.get_embedding_dimension()
        if not dimension or not hasattr(model.tokenizer, "backend_tokenizer"):
            raise EncoderError(
                f"{fingerprint}: not a text encoder with a fast tokenizer; choose another model"
            )
        self.dimension = dimension
        self._prefixes: dict[Kind, str] = {
            "query": model.prompts.get("query")
            or ("query: " if "e5" in fingerprint.lower() else ""),
            "passage": model.prompts.get("passage")
            or model.prompts.get("document")
            or ("passage: " if "e5" in fingerprint.lower() else ""),
        }
        self._n_prefix = {
            kind: len(model.tokenizer(prefix.rstrip())["input_ids"]) - 1
            for kind, prefix in self._prefixes.items()
        }
        self.max_tokens = (model.get_max_seq_length() or 512) - max(self._n_prefix.values()) - 1

    def encode(self, texts: Sequence[str], kind: Kind) -> Iterator[Encoded]:
        prefix = self._prefixes[kind]
        features: Any = self._model.encode(
            [prefix + text for text in texts],
            prompt="",
            output_value=None,
            batch_size=8,
            show_progress_bar=False,
        )
        for text, feature in zip(texts, features, strict=True):
            spans = self._spans(text, kind)
            tokens = feature["token_embeddings"].float().cpu().numpy()[self._n_prefix[kind] :]
            yield Encoded(
                vector=unit(feature["sentence_embedding"].float().cpu().numpy()),
                tokens=unit(tokens[: len(spans)]),
                spans=spans,
            )

    def token_spans(self, text: str) -> npt.NDArray[np.int32]:
        return self._spans(text, "passage")

    def _spans(self, text: str, kind: Kind) -> npt.NDArray[np.int32]:
        prefix = self._prefixes[kind]
        batch = self._model.tokenizer(
            prefix + text,
            return_offsets_mapping=True,
            truncation=True,
            max_length=self._model.get_max_seq_length(),
        )
        offsets = np.array(batch["offset_mapping"][self._n_prefix[kind] : -1], np.int32).reshape(
            -1, 2
        )
        return np.maximum(offsets - len(prefix), 0)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        if not texts:
            return []
        return [
            len(ids)
            for ids in self._model.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        ]


def onnx_session(path: Path) -> "InferenceSession":
    """A model on ONNX Runtime, on all cores."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _n_cores()
    # Idle threads that spin would take the cores of whatever runs beside this.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _n_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def unit(vectors: Floats) -> Floats:
    """The vectors scaled to length 1 along the last axis."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), np.float32)


def e5_statistics(layers: Path | None) -> Path:
    """Where the statistics of the packaged encoder, or of one with these layers, are."""
    return (layers or Path(__file__).parent) / e5.STATISTICS_FILE


def _built_onnx(cache: Path, layers: Path | None = None) -> Path:
    """The cached ONNX file, built at first use and checked against its checksum at every use."""
    fingerprint = e5.fingerprint(layers)
    folder = cache / f"{fingerprint.replace(':', '-')}-{_BUILD}"
    path, note = folder / "model.int8.onnx", folder / "built.json"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        if _is_built(path, note):
            return path
        logger.warning("building the offline encoder once, into %s (about a minute)", folder)
        partial = folder / "building"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        from index.quantize import build_onnx  # PyTorch, which is needed for this alone

        build_onnx(partial / path.name, layers)
        record = {"encoder": fingerprint, "sha256": e5.sha256_of(partial / path.name)}
        os.replace(partial / path.name, path)
        note.write_text(json.dumps(record, indent=1))
        shutil.rmtree(partial)
        logger.warning("encoder built")
    return path


def _is_built(path: Path, note: Path) -> bool:
    if not (path.exists() and note.exists()):
        return False
    try:
        expected = json.loads(note.read_text())["sha256"]
    except (ValueError, KeyError):
        return False
    if e5.sha256_of(path) == expected:
        return True
    logger.warning("%s is damaged; building it again", path)
    return False


def _load_named(name: str) -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(name, device="cpu")
    except (OSError, ValueError) as error:
        raise EncoderError(
            f"encoder {name!r} is not here and cannot be downloaded; with no network, unset "
            f"BURHAN_ENCODER to use the packaged one, or give the folder of a saved model"
        ) from error
