"""How to read the maps, one sentence for each view, with where it comes from."""

from __future__ import annotations

READING: tuple[tuple[str, str], ...] = (
    (
        "Attention",
        "How one token shares its attention among all tokens in one head of one layer: the weights "
        "after the softmax, which add up to 1; it shows where information may flow from, not yet "
        "what the net decides by.",
    ),
    (
        "Rollout",
        "Attention followed through all layers up to this one, with half of every step left to the "
        "token itself: where the information in the token may have come from (Abnar and Zuidema, "
        "2020).",
    ),
    (
        "Features",
        "The three strongest directions of the patch features as red, green and blue: patches of "
        "like colour mean something alike to the net, and the colours themselves mean nothing.",
    ),
    (
        "Norms",
        "The length of every token's feature vector: a few very long ones often hold notes about "
        "the whole picture rather than about their own patch.",
    ),
    (
        "Similarity",
        "The cosine between each patch's features and those of the asked token: 1 is the same "
        "direction, 0 is unrelated.",
    ),
    (
        "Mean attention distance",
        "How far patches look on average: the bars in the rail, in parts of the grid's diagonal "
        "(Dosovitskiy et al., 2021, figure 7).",
    ),
)

REFERENCES: tuple[str, ...] = (
    "Abnar, S. and Zuidema, W. (2020). Quantifying Attention Flow in Transformers. ACL. "
    "arXiv:2005.00928",
    "Dosovitskiy, A. et al. (2021). An Image is Worth 16x16 Words: Transformers for Image "
    "Recognition at Scale. ICLR. arXiv:2010.11929",
)
