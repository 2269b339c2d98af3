"""How much of the trained weights to take, chosen on documents that were held out of training.

    python -m index.training.choose DATA FOLDER

For each share it prints, by direction: nDCG@10 of the passage that answers a question, among all
held-out passages of both languages without its translation; and how often the right sentence of
it comes first. Late interaction with the language means removed, each language's scores in
standard deviations, as the retriever has them; nothing is quantised, and no words are shared.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from index import e5
from index.encoder import Kind
from index.train import mixed
from index.training.data import Document, read_data, sentence_keys
from index.training.losses import max_sim, sentence_sim
from index.training.reading import Means, Reader, Tokens
from index.types import LANGUAGES, Language

_SHARES = (0.0, 0.7, 0.85, 1.0)
_AT_ONCE = 48
_N_FOR_MEANS = 150


class Encoding:
    """Documents read through some layers, language means taken from other documents."""

    def __init__(self, reader: Reader, others: Sequence[Document]) -> None:
        self._reader = reader
        self._means = Means()
        others = others[:_N_FOR_MEANS]
        for language in LANGUAGES:
            texts: dict[Kind, list[list[str]]] = {
                "query": [[q[0][language]] for document in others for q in document.questions],
                "passage": [p[language] for document in others for p in document.passages],
            }
            for kind, some in texts.items():
                tokens = self._reader.read(*self._reader.tokenize(some[: 2 * _N_FOR_MEANS], kind))
                unit = functional.normalize(tokens.vectors, dim=-1)[tokens.mask]
                getattr(self._means, f"{kind}_{language}").copy_(unit.mean(0))

    def read(self, texts: Sequence[Sequence[str]], kind: Kind, language: Language) -> Tokens:
        """Centred token vectors."""
        read = self._reader.read(*self._reader.tokenize(texts, kind))
        return self._means.centre(read, kind, language, update=False)


def measure(reader: Reader, documents: Sequence[Document], others: Sequence[Document]) -> list[str]:
    """The cells of one row: ranking and pointing in four directions, and their means."""
    encoding = Encoding(reader, others)
    passages: list[dict[Language, list[str]]] = []
    asked, gold, answers = [], [], []
    for document in documents:
        for question, passage, sentence in document.questions:
            asked.append(question)
            gold.append(len(passages) + passage)
            answers.append(sentence)
        passages += document.passages
    same = _share_a_sentence([passage["ar"] for passage in passages])[gold]
    ranking, pointing = [], []
    read: dict[Language, Tokens] = {
        language: encoding.read([passage[language] for passage in passages], "passage", language)
        for language in LANGUAGES
    }
    for q in LANGUAGES:
        queries = encoding.read([[question[q]] for question in asked], "query", q)
        slices = [slice(a, a + _AT_ONCE) for a in range(0, len(asked), _AT_ONCE)]
        parts = [queries.at(part) for part in slices]
        scores = {p: _calibrated(parts, read[p]) for p in LANGUAGES}
        own = {p: scores[p][np.arange(len(gold)), gold] for p in LANGUAGES}
        # A passage that says the same is no rival.
        rivals = [np.where(same, -np.inf, scores[language]) for language in LANGUAGES]
        for p in LANGUAGES:
            rank = sum((some > own[p][:, None]).sum(1) for some in rivals)
            ranking.append(float(np.where(rank < 10, 1 / np.log2(rank + 2), 0).mean()))
            pointed = [
                sentence_sim(queries.at(part), read[p].at(torch.tensor(gold[part])))
                .argmax(1)
                .numpy()
                for part in slices
            ]
            pointing.append(float((np.concatenate(pointed) == answers).mean()))
    return [f"{value:.3f}" for value in (*ranking, np.mean(ranking), *pointing, np.mean(pointing))]


def _calibrated(queries: Sequence[Tokens], passages: Tokens) -> npt.NDArray[np.float32]:
    scores = torch.cat([max_sim(part, passages) for part in queries]).numpy()
    mean, deviation = scores.mean(1, keepdims=True), scores.std(1, keepdims=True)
    return np.asarray((scores - mean) / deviation, np.float32)


def _share_a_sentence(passages: Sequence[Sequence[str]]) -> npt.NDArray[np.bool_]:
    """Which passages say the same sentence, (passages, passages)."""
    said = [sentence_keys(passage) for passage in passages]
    return np.array([[bool(a & b) for b in said] for a in said])


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path, help="with the checkpoint of index.train")
    arguments = parser.parse_args()
    data = read_data(arguments.data)
    saved = torch.load(arguments.folder / "checkpoint.pt", weights_only=True, map_location="cpu")
    bert = e5.load_bert()
    base: dict[str, Tensor] = {k: v.clone() for k, v in bert.encoder.layer.state_dict().items()}
    layers: nn.Module = bert.encoder.layer
    reader = Reader(bert, layers, torch.device("cpu"))
    directions = [f"{q}>{p}" for q in LANGUAGES for p in LANGUAGES]
    sys.stdout.write(
        f"share | nDCG@10 {' '.join(directions)} mean | sentence {' '.join(directions)} mean\n"
    )
    for share in _SHARES:
        layers.load_state_dict(mixed(base, saved["layers"], share))
        with torch.no_grad():
            cells = measure(reader, data.held_out, data.documents)
        sys.stdout.write(f"{share:.2f} | {' '.join(cells)}\n")


if __name__ == "__main__":
    main()
