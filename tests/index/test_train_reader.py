import random

import numpy as np
import onnxruntime
import pytest
import torch

from index import train_reader
from index.training.cases import Cases, Texts, near_passages
from index.training.data import Document

BRIDGE = {
    "en": ["The bridge at Zaytara opened in 1931.", "It cost 40,000 dinars.", "Ships pass below."],
    "ar": ["افتُتح جسر زيتارة عام 1931.", "وكلّف 40 ألف دينار.", "وتمر السفن تحته."],
}
SALT = {
    "en": ["Salt is dug at Umm Rish.", "Forty women work there."],
    "ar": ["يُستخرج الملح من أم ريش.", "وتعمل هناك أربعون امرأة."],
}
DOCUMENTS = [
    Document(
        "bridge",
        [BRIDGE],
        [({"en": "What did the bridge cost?", "ar": "كم كلّف الجسر؟"}, 0, 1)],
        [({"en": "Who designed the bridge?", "ar": "من صمّم الجسر؟"}, 0)],
    ),
    Document(
        "salt",
        [SALT],
        [({"en": "How many women dig salt?", "ar": "كم امرأة تستخرج الملح؟"}, 0, 1)],
        [({"en": "What does the salt cost?", "ar": "كم ثمن الملح؟"}, 0)],
    ),
]


def test_every_case_is_true():
    cases = Cases(DOCUMENTS, {("bridge", 0): [1], ("salt", 0): [0]})
    gold = {
        question: {passage[language][1] for language in passage}
        for document in DOCUMENTS
        for passage in document.passages
        for question in document.questions[0][0].values()
    }
    drawn = cases.sample(random.Random(0), 400)
    for case in drawn:
        if case.answer is None:
            assert not gold.get(case.query, set()) & set(case.passage)
        else:
            assert case.passage[case.answer] in gold[case.query]
    assert {case.direction for case in drawn} == {"ar>ar", "ar>en", "en>ar", "en>en"}
    assert {len(case.passage) for case in drawn if case.answer is None} == {1, 2, 3}
    assert 0.3 < np.mean([case.answer is not None for case in drawn]) < 0.55
    assert len([*cases.each()]) == 16


def test_pointing_loss_by_hand():
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]]))
    right = torch.tensor([[True, False, False], [False, True, True]])
    assert torch.allclose(train_reader.pointing_loss(logits, right), -torch.tensor(0.5).log())


@pytest.mark.encoder
def test_a_reader_learns_and_its_file_says_the_same(real_encoder, tmp_path, monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr(train_reader, "_WARM_UP", 10)
    near = near_passages(DOCUMENTS, real_encoder)
    assert near == {("bridge", 0): [1], ("salt", 0): [0]}
    cases, texts = Cases(DOCUMENTS, near), Texts(real_encoder)
    some = [*cases.each()]
    texts.add(some)
    for case in some:
        vectors, sentence = texts.passage(case)
        assert len(vectors) == len(sentence) == texts.length(case)
        assert [*dict.fromkeys(sentence)] == [*range(len(case.passage))]
    network = train_reader.Network()
    inputs, right = train_reader.tensors(some, texts)
    # All places of the right sentence, or the one for "no answer".
    assert [bool(row[0]) for row in right] == [case.answer is None for case in some]
    before = float(train_reader.pointing_loss(network(**inputs), right))
    train_reader.train(network, cases, some, texts, tmp_path, size=8, rate=1e-3, n_steps=40)
    network.eval()
    with torch.no_grad():
        logits = network(**inputs)
    assert float(train_reader.pointing_loss(logits, right)) < before / 2
    path = tmp_path / "reader.onnx"
    train_reader.export(network, path, real_encoder.fingerprint)
    session = onnxruntime.InferenceSession(path)
    (found,) = session.run(None, {name: values.numpy() for name, values in inputs.items()})
    likely, expected = (torch.tensor(some).softmax(-1) for some in (found, logits.numpy()))
    assert float((likely - expected).abs().max()) < 0.1
