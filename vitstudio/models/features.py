"""What the tokens of a layer hold: principal components, norms, similarity."""

from __future__ import annotations

import torch
from torch import Tensor


def principal_colours(patches: Tensor) -> Tensor:
    """The first three principal components of patch features as red, green and blue.

    Each component is stretched from its 2nd to its 98th percentile; its sign is fixed so that the
    largest loading is positive, so the same features always get the same colours.

    Parameters
    ----------
    patches : (patches, dim)

    Returns
    -------
    float32 (patches, 3) in [0, 1]
        0.5 where a component does not exist (fewer than three patches, or all alike).

    References
    ----------
    Oquab et al. 2023, "DINOv2", figure 1.
    """
    centred = patches.double() - patches.double().mean(dim=0)
    count = min(3, *centred.shape)
    # The smaller of the two Gram matrices has the same leading spectrum and is the cheaper one.
    if centred.shape[0] <= centred.shape[1]:
        _, vectors = torch.linalg.eigh(centred @ centred.mT)
        axes = centred.mT @ vectors[:, -count:].flip(1)
        axes = axes / axes.norm(dim=0).clamp_min(1e-12)
    else:
        _, vectors = torch.linalg.eigh(centred.mT @ centred)
        axes = vectors[:, -count:].flip(1)
    largest = axes.gather(0, axes.abs().argmax(dim=0, keepdim=True))
    scores = centred @ (axes * torch.where(largest < 0, -1.0, 1.0))
    low = scores.quantile(0.02, dim=0)
    high = scores.quantile(0.98, dim=0)
    spread = high - low
    colours = torch.full((len(patches), 3), 0.5, dtype=torch.float64, device=patches.device)
    flat = spread <= 1e-9 * centred.abs().max().clamp_min(1e-30)
    scaled = ((scores - low) / torch.where(flat, 1.0, spread)).clamp(0.0, 1.0)
    colours[:, :count] = torch.where(flat, 0.5, scaled)
    return colours.float()


def norms(tokens: Tensor) -> Tensor:
    """Euclidean norm of every token: (tokens, dim) -> float32 (tokens,)."""
    length: Tensor = tokens.float().norm(dim=-1)
    return length


def similarity(tokens: Tensor, query: int) -> Tensor:
    """Cosine similarity of every token to one of them: (tokens, dim) -> float32 (tokens,)."""
    unit = torch.nn.functional.normalize(tokens.float(), dim=-1)
    cosine: Tensor = unit @ unit[query]
    return cosine
