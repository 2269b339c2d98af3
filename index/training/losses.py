"""What the encoder is asked for, on token vectors compared as they are when it is used."""

import torch
from torch import Tensor
from torch.nn import functional

from index.training.reading import Tokens

_CONTRAST_TEMPERATURE = 0.03
_DISTIL_TEMPERATURE = 0.05
_VECTOR_TEMPERATURE = 0.02


def best_tokens(query: Tokens, passage: Tokens) -> Tensor:
    """Each query token's similarity to each passage's best, (queries, tokens, passages)."""
    n_passages, width, dimension = passage.vectors.shape
    similarity = query.vectors @ passage.vectors.reshape(-1, dimension).T
    similarity = similarity.view(*query.vectors.shape[:2], n_passages, width)
    similarity = similarity.masked_fill(~passage.mask, -1.0)
    return similarity.amax(-1) * query.mask[..., None]


def mean_of(best: Tensor, query: Tokens) -> Tensor:
    """Late interaction of every query with every passage, (queries, passages)."""
    return best.sum(1) / query.mask.sum(1, keepdim=True)


def max_sim(query: Tokens, passage: Tokens) -> Tensor:
    """Late interaction of every query with every passage, (queries, passages)."""
    return mean_of(best_tokens(query, passage), query)


def sentence_sim(query: Tokens, passage: Tokens) -> Tensor:
    """Late interaction of each query with its own passage's sentences, (queries, sentences)."""
    n = int(passage.sentence.max()) + 1
    numbers = torch.arange(n, device=passage.sentence.device)
    similarity = query.vectors @ passage.vectors.transpose(1, 2)
    inside = passage.sentence[:, None, :] == numbers[None, :, None]
    best = similarity[:, :, None, :].masked_fill(~inside[:, None], -1.0).amax(-1)
    scores = (best * query.mask[..., None]).sum(1) / query.mask.sum(1, keepdim=True)
    return scores.masked_fill(~inside.any(-1), -1.0)


def keep(best: Tensor, taught: Tensor, query: Tokens) -> Tensor:
    """Mean squared distance from the base encoder's best similarities of each query token."""
    return (best - taught).square().sum() / (query.mask.sum() * best.shape[-1])


def draw(pooled: Tensor, target: Tensor) -> Tensor:
    """Distance to the target vectors, and cross-entropy of picking one's own among them."""
    own = torch.arange(len(pooled), device=pooled.device)
    similarity = pooled @ target.T
    distance = 1 - similarity.diagonal().mean()
    return 5 * distance + functional.cross_entropy(similarity / _VECTOR_TEMPERATURE, own)


def contrast(scores: Tensor, gold: Tensor) -> Tensor:
    """Cross-entropy of picking each row's gold column."""
    return functional.cross_entropy(scores / _CONTRAST_TEMPERATURE, gold)


def contrast_without_twin(wanted: Tensor, rival: Tensor) -> Tensor:
    """Cross-entropy of each query's own passage of one language among passages of both.

    The translation of the wanted passage is taken away: which of the two comes first is not to be
    learnt here.

    Args:
        wanted: Similarities with the passages of the wanted language, (queries, passages); the
            query's own on the diagonal.
        rival: The same with the other language's.
    """
    own = torch.arange(len(wanted), device=wanted.device)
    twin = torch.eye(len(wanted), dtype=torch.bool, device=wanted.device)
    return contrast(torch.cat([wanted, rival.masked_fill(twin, -1.0)], 1), own)


def point(scores: Tensor, answers: Tensor) -> Tensor:
    """Cross-entropy of pointing at the sentence that answers.

    Args:
        scores: Late interaction with each sentence, (queries, sentences), -1 where there is none.
        answers: The number of the sentence that answers; it may be cut off, and is then left out.
    """
    inside = answers < scores.shape[1]
    at = answers.clamp(max=scores.shape[1] - 1)
    inside &= scores.gather(1, at[:, None])[:, 0] > -1
    return contrast(scores[inside], at[inside]) if inside.any() else scores.new_zeros(())


def distil(scores: Tensor, teacher: Tensor) -> Tensor:
    """KL divergence of the rankings, both ways over the batch."""
    loss = scores.new_zeros(())
    for mine, theirs in ((scores, teacher), (scores.T, teacher.T)):
        loss = loss + functional.kl_div(
            functional.log_softmax(mine / _DISTIL_TEMPERATURE, -1),
            functional.log_softmax(theirs / _DISTIL_TEMPERATURE, -1),
            log_target=True,
            reduction="batchmean",
        )
    return loss / 2
