import json

import pytest
import torch

from index import e5, train
from index.train import Batches, Data, Example
from tests.conftest import SAMPLE


@pytest.fixture(scope="module")
def data():
    rows = {
        language: [json.loads(line) for line in (SAMPLE / f"articles.{language}.jsonl").open()]
        for language in ("ar", "en")
    }
    pairs = [(en["title"], ar["title"]) for en, ar in zip(rows["en"], rows["ar"], strict=True)]
    found = Data(pairs=pairs, documents=[pairs[:6], pairs[6:12]], questions=pairs)
    for row in rows["ar"]:
        sentences = row["text"].split("\n")[:3]
        found.answers.append(Example({"ar": row["title"]}, {"ar": sentences}, 0))
        found.headlines.append(Example({"ar": row["title"]}, {"ar": sentences}, None))
    return found


def test_batches_are_the_same_for_the_same_step(data):
    first, second = Batches(data, 3), Batches(data, 3)
    for step in range(5):
        assert first.at(step) == second.at(step)
    assert first.at(0) != first.at(1)
    kind, examples, questions = first.at(0)
    assert (kind, len(examples), len(questions)) == ("parallel", 3, 1)
    for example in examples:
        assert len(example.passage["en"]) == len(example.passage["ar"])
        assert set(example.query["en"].split()) <= set(
            example.passage["en"][example.answer].split()
        )


def test_late_interaction_by_hand():
    def tokens(vectors, sentences):
        vectors = torch.tensor(vectors, dtype=torch.float)
        numbers = torch.tensor(sentences)
        return train.Tokens(vectors, numbers >= 0, numbers, vectors.mean(1))

    query = tokens([[[1, 0], [0, 1], [0, 0]]], [[0, 0, -1]])
    passages = tokens([[[1, 0], [0.6, 0.8]], [[0, 1], [0, 0]]], [[0, 1], [0, -1]])
    assert torch.allclose(train.max_sim(query, passages), torch.tensor([[0.9, 0.5]]))
    own = tokens([[[1, 0], [0.6, 0.8]]], [[0, 1]])
    assert torch.allclose(train.sentence_sim(query, own), torch.tensor([[0.5, 0.7]]))
    best = train.best_tokens(query, passages)
    assert torch.allclose(best, torch.tensor([[[1.0, 0.0], [0.8, 1.0], [0, 0]]]))
    nearer = best - torch.tensor([0.1, 0.0])
    assert float(train.keep(nearer, best, query)) == pytest.approx(0.0075)  # padding moved too


@pytest.mark.encoder
def test_a_stopped_training_goes_on_to_the_same_layers(data, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "_SAVE_EVERY", 1)
    settings = {"n_steps": 2, "size": 2, "rate": 1e-4}
    train.train(data, tmp_path / "whole", until=2, **settings)
    train.train(data, tmp_path / "halves", until=1, **settings)
    train.train(data, tmp_path / "halves", until=2, **settings)
    layers = {
        name: torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["layers"]
        for name in ("whole", "halves")
    }
    base = e5.load_bert().encoder.layer.state_dict()
    moved = 0
    for name, values in layers["whole"].items():
        assert torch.allclose(values, layers["halves"][name], atol=1e-4), name
        moved += not torch.equal(values, base[name])
    assert moved > len(base) / 2
    train.blend(tmp_path / "whole", 0.5)
    blended = e5.load_bert(tmp_path / "whole").encoder.layer.state_dict()
    for name, values in base.items():
        half = (values + layers["whole"][name]) / 2
        assert torch.allclose(blended[name], half, atol=float(half.abs().max()) / 200), name
