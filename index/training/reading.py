"""Texts to token vectors that a gradient can flow through."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from index import e5
from index.encoder import KINDS, Kind, e5_statistics
from index.statistics import TOKEN_SHARE, token_means
from index.types import LANGUAGES, Language

# Tokens of a text that are read, prompt and special ones not counted.
LIMITS: dict[Kind, int] = {"query": 48, "passage": 200}

_MEAN_MEMORY = 0.98
# On a processor texts of like length are read together, so that little is padding.
_READ_AT_ONCE = 6


@dataclass(slots=True)
class Tokens:
    """Token vectors of a batch, (texts, tokens, dimension), 0 and masked where there are none.

    `sentence` is the number of each token's sentence in its passage. `pooled` is each text's unit
    mean vector, (texts, dimension), language mean still in it.
    """

    vectors: Tensor
    mask: Tensor
    sentence: Tensor
    pooled: Tensor

    def at(self, part: slice | Tensor) -> "Tokens":
        """Some of the texts."""
        return Tokens(self.vectors[part], self.mask[part], self.sentence[part], self.pooled[part])


class Reader:
    """Texts to token vectors through a stack of layers on the shared, frozen embeddings."""

    def __init__(self, bert: Any, layers: nn.Module, device: torch.device) -> None:
        self._bert = bert
        self._layers = layers
        self._device = device
        self._tokenizer = e5.open_tokenizer()

    def tokenize(
        self, texts: Sequence[Sequence[str]], kind: Kind
    ) -> tuple[list[list[int]], list[list[int]]]:
        """Ids, and each token's sentence number (-1 for prefix and special tokens)."""
        prefix = self._tokenizer.encode(f"{kind}:").ids[:-1]
        limit = LIMITS[kind] + len(prefix)
        ids, owners = [], []
        for sentences in texts:
            row, owner = list(prefix), [-1] * len(prefix)
            for number, sentence in enumerate(sentences):
                inner = self._tokenizer.encode(sentence, add_special_tokens=False).ids
                row += inner
                owner += [number] * len(inner)
            ids.append([*row[:limit], 2])
            owners.append([*owner[:limit], -1])
        return ids, owners

    def read(self, ids: list[list[int]], owners: list[list[int]]) -> Tokens:
        """The texts' token vectors, not yet of unit length."""
        width = max(map(len, ids))
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        at_once = _READ_AT_ONCE if self._device.type == "cpu" else len(ids)
        with half_precision(self._device):
            parts = [
                self._read_padded([ids[i] for i in order[a : a + at_once]], width)
                for a in range(0, len(order), at_once)
            ]
        vectors = torch.cat(parts)[torch.tensor(order).argsort().to(self._device)].float()
        sentence = self._tensor([row + [-1] * (width - len(row)) for row in owners])
        lengths = self._tensor([[len(row)] for row in ids])
        # Padding is zero.
        pooled = functional.normalize(vectors.sum(1) / lengths, dim=-1)
        return Tokens(vectors, sentence >= 0, sentence, pooled)

    def _read_padded(self, ids: list[list[int]], width: int) -> Tensor:
        longest = max(map(len, ids))
        batch = self._tensor([row + [1] * (longest - len(row)) for row in ids])
        lengths = self._tensor([len(row) for row in ids])
        present = torch.arange(longest, device=self._device) < lengths[:, None]
        with torch.no_grad():
            hidden: Tensor = self._bert.embeddings(input_ids=batch)
        bias = torch.zeros(present.shape, device=self._device).masked_fill(~present, -1e4)
        for layer in self._layers:  # type: ignore[attr-defined]
            output = layer(hidden, attention_mask=bias[:, None, None, :])
            hidden = output[0] if isinstance(output, tuple) else output
        return functional.pad(hidden * present[..., None], (0, 0, 0, width - longest))

    def _tensor(self, values: Any) -> Tensor:
        return torch.tensor(values, device=self._device)


def half_precision(device: torch.device) -> AbstractContextManager[Any]:
    """bfloat16 matrix products where the machine has them: twice as fast on two cores."""
    return torch.autocast(device.type, torch.bfloat16, enabled=_has_half_precision(device))


def halved(layers: nn.Module, device: torch.device) -> nn.Module:
    """Layers that are not trained, their matrices made bfloat16 once rather than at every use."""
    if _has_half_precision(device):
        for module in layers.modules():
            if isinstance(module, nn.Linear):
                module.to(torch.bfloat16)
    return layers


def _has_half_precision(device: torch.device) -> bool:
    return device.type != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


class Means(nn.Module):
    """Moving means of unit token vectors by kind and language, from the base's shipped ones."""

    def __init__(self) -> None:
        super().__init__()
        statistics = e5_statistics(None)
        assert statistics
        for kind in KINDS:
            for language in LANGUAGES:
                mean = np.array(token_means(statistics, kind, language), np.float32)
                self.register_buffer(f"{kind}_{language}", torch.from_numpy(mean))

    def centre(self, tokens: Tokens, kind: Kind, language: Language, *, update: bool) -> Tokens:
        """Unit vectors without most of the language's mean, as they are stored and compared."""
        unit = functional.normalize(tokens.vectors, dim=-1)
        mean: Tensor = getattr(self, f"{kind}_{language}")
        if update:
            seen = unit.detach()[tokens.mask].mean(0)
            mean.mul_(_MEAN_MEMORY).add_(seen, alpha=1 - _MEAN_MEMORY)
        centred = functional.normalize(unit - TOKEN_SHARE * mean, dim=-1)
        centred = centred * tokens.mask[..., None]
        return Tokens(centred, tokens.mask, tokens.sentence, tokens.pooled)
