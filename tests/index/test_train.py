import json

import pytest
import torch

from index import e5, train
from index.training import choose, losses
from index.training.data import WRITTEN, Batches, Data, Document, Example, read_data
from index.training.reading import Reader, Tokens
from tests.conftest import SAMPLE, SHARED


@pytest.fixture(scope="module")
def data():
    rows = {
        language: [json.loads(line) for line in (SAMPLE / f"articles.{language}.jsonl").open()]
        for language in ("ar", "en")
    }
    pairs = [(en["title"], ar["title"]) for en, ar in zip(rows["en"], rows["ar"], strict=True)]
    found = Data(pairs=pairs, texts=[pairs[:6], pairs[6:12]], questions=pairs)
    for english, arabic in zip(rows["en"], rows["ar"], strict=True):
        passage = {"en": english["text"].split("\n")[:3], "ar": arabic["text"].split("\n")[:3]}
        asked = {"en": english["title"], "ar": arabic["title"]}
        found.documents.append(Document(english["title"], [passage], [(asked, 0, 1)], []))
        found.headlines.append(Example({"ar": asked["ar"]}, {"ar": passage["ar"]}, None))
    return found


def test_batches_are_the_same_for_the_same_step(data):
    first, second = Batches(data, 3), Batches(data, 3)
    for step in range(8):
        assert first.at(step) == second.at(step)
    assert first.at(0) != first.at(2)
    assert {first.at(step)[0] for step in range(8)} == {"questions", "parallel", "headlines"}
    kind, examples, questions = first.at(1)
    assert (kind, len(examples), len(questions)) == ("parallel", 3, 1)
    for example in examples:
        assert len(example.passage["en"]) == len(example.passage["ar"])
        assert set(example.query["en"].split()) <= set(
            example.passage["en"][example.answer].split()
        )


def test_no_two_passages_of_a_batch_say_the_same():
    told = [
        {"en": [f"One {i}.", "Both."], "ar": [f"واحد {i}.", f"اثنان {i // 2}."]} for i in range(4)
    ]
    questions = [({"en": f"Which {i}?", "ar": f"أي {i}؟"}, i, 0) for i in range(4)]
    documents = [Document("d", told, questions, [])]
    _, examples, _ = Batches(Data(documents=documents), 4).at(0)
    assert len(examples) == 2
    assert len({sentence for e in examples for sentence in e.passage["ar"]}) == 4


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.exists(), reason="the shared data folder is not here")
def test_written_questions_fit_their_passages():
    data = read_data(SHARED)
    documents = data.documents + data.held_out
    assert len(documents) == len(WRITTEN.read_text(encoding="utf-8").splitlines())
    assert not {d.name for d in data.documents} & {d.name for d in data.held_out}
    for document in documents:
        for passage in document.passages:
            assert len(passage["en"]) == len(passage["ar"]), document.name
        for question, passage, sentence in document.questions:
            assert all(question[language].strip() for language in ("ar", "en"))
            assert 0 <= sentence < len(document.passages[passage]["ar"]), document.name
        assert document.unanswerable, document.name


def _tokens(vectors, sentences):
    vectors = torch.tensor(vectors, dtype=torch.float)
    numbers = torch.tensor(sentences)
    return Tokens(vectors, numbers >= 0, numbers, vectors.mean(1))


def test_late_interaction_by_hand():
    query = _tokens([[[1, 0], [0, 1], [0, 0]]], [[0, 0, -1]])
    passages = _tokens([[[1, 0], [0.6, 0.8]], [[0, 1], [0, 0]]], [[0, 1], [0, -1]])
    assert torch.allclose(losses.max_sim(query, passages), torch.tensor([[0.9, 0.5]]))
    own = _tokens([[[1, 0], [0.6, 0.8]]], [[0, 1]])
    assert torch.allclose(losses.sentence_sim(query, own), torch.tensor([[0.5, 0.7]]))
    best = losses.best_tokens(query, passages)
    assert torch.allclose(best, torch.tensor([[[1.0, 0.0], [0.8, 1.0], [0, 0]]]))
    nearer = best - torch.tensor([0.1, 0.0])
    assert float(losses.keep(nearer, best, query)) == pytest.approx(0.0075)  # padding moved too


def test_losses_by_hand():
    # Equal scores for one's own, the other, and the other's translation: one in three.
    same = torch.full((2, 2), 0.5)
    assert float(losses.contrast_without_twin(same, same)) == pytest.approx(1.0986, abs=1e-3)
    # One's own translation may score as it will.
    twin = same + torch.eye(2)
    assert float(losses.contrast_without_twin(same, twin)) == pytest.approx(1.0986, abs=1e-3)
    scores = torch.tensor([[0.5, 0.5, -1.0], [0.5, -1.0, -1.0], [0.5, 0.5, 0.5]])
    # The second's sentence and the third's were cut off; the first is one in two.
    answers = torch.tensor([1, 2, 7])
    assert float(losses.point(scores, answers)) == pytest.approx(0.6931, abs=1e-3)
    assert float(losses.distil(same, same)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.encoder
def test_a_share_is_measured_in_four_directions(data):
    bert = e5.load_bert()
    reader = Reader(bert, bert.encoder.layer, torch.device("cpu"))
    with torch.no_grad():
        cells = [float(cell) for cell in choose.measure(reader, *_halves(data.documents[:16]))]
    ranking, pointing = cells[:5], cells[5:]
    assert ranking[4] == pytest.approx(sum(ranking[:4]) / 4, abs=1e-3)
    # Headlines find their articles.
    assert min(ranking[0], ranking[3]) > 0.8
    assert all(0 <= cell <= 1 for cell in pointing)


def _halves(items):
    return items[: len(items) // 2], items[len(items) // 2 :]


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
