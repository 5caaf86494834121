"""Titles, papers and class lists of foreign models, from the names that timm gives them."""

from __future__ import annotations

import re

from vitstudio.models.catalog import CLASS_LISTS

SIZES = {
    "tiny": "Ti", "xsmall": "XS", "wee": "Wee", "little": "Little", "small": "S", "medium": "M",
    "mediumd": "MD", "betwixt": "Betwixt", "base": "B", "large": "L", "huge": "H", "giant": "g",
    "giantopt": "g-opt", "gigantic": "G", "enormous": "E", "so150m": "SO150M",
    "so150m2": "SO150M2", "so400m": "SO400M", "1b": "1B", "3b": "3B", "5b": "5B", "7b": "7B",
    "xlarge": "XL",
}  # fmt: skip
STEMS = {
    "vit": "ViT", "test": "Test ViT", "deit": "DeiT", "deit3": "DeiT III", "eva": "EVA",
    "eva02": "EVA-02", "beit3": "BEiT-3", "aimv2": "AIMv2", "flexivit": "FlexiViT",
}  # fmt: skip
FAMILIES = {
    "clip": "CLIP", "siglip": "SigLIP", "dinov2": "DINOv2", "dinov3": "DINOv3", "pe": "PE",
    "radio": "RADIO", "tipsv2": "TIPSv2", "sapiens2": "Sapiens2",
}  # fmt: skip

# What the name must hold -> the paper; the first that fits counts.
PAPERS = (
    (r"\.eupe", ""),
    (r"reg4_dinov2", "Darcet et al. 2023, Vision Transformers Need Registers, arXiv:2309.16588"),
    (r"dinov2", "Oquab et al. 2023, DINOv2, arXiv:2304.07193"),
    (r"dinov3", "Siméoni et al. 2025, DINOv3, arXiv:2508.10104"),
    (r"\.dino$", "Caron et al. 2021, DINO, arXiv:2104.14294"),
    (r"\.mae$", "He et al. 2021, Masked Autoencoders, arXiv:2111.06377"),
    (r"ijepa", "Assran et al. 2023, I-JEPA, arXiv:2301.08243"),
    (r"^deit3", "Touvron et al. 2022, DeiT III, arXiv:2204.07118"),
    (r"^deit", "Touvron et al. 2020, DeiT, arXiv:2012.12877"),
    (r"^eva02", "Fang et al. 2023, EVA-02, arXiv:2303.11331"),
    (r"^eva_", "Fang et al. 2022, EVA, arXiv:2211.07636"),
    (r"^beit3", "Wang et al. 2022, BEiT-3, arXiv:2208.10442"),
    (r"^aimv2", "Fini et al. 2024, AIMv2, arXiv:2411.14402"),
    (r"^flexivit", "Beyer et al. 2022, FlexiViT, arXiv:2212.08013"),
    (r"_pe_", "Bolya et al. 2025, Perception Encoder, arXiv:2504.13181"),
    (r"_rope_.*naver", "Heo et al. 2024, Rotary Position Embedding for ViT, arXiv:2403.13298"),
    (r"siglip.*\.v2_", "Tschannen et al. 2025, SigLIP 2, arXiv:2502.14786"),
    (r"siglip", "Zhai et al. 2023, SigLIP, arXiv:2303.15343"),
    (r"\.tinyclip", "Wu et al. 2023, TinyCLIP, arXiv:2309.12314"),
    (r"\.metaclip_", "Xu et al. 2023, MetaCLIP, arXiv:2309.16671"),
    (r"\.dfn", "Fang et al. 2023, Data Filtering Networks, arXiv:2309.17425"),
    (r"\.datacomp", "Gadre et al. 2023, DataComp, arXiv:2304.14108"),
    (r"clip.*\.openai", "Radford et al. 2021, CLIP, arXiv:2103.00020"),
    (r"clip.*\.laion", "Cherti et al. 2022, OpenCLIP, arXiv:2212.07143"),
    (r"_miil", "Ridnik et al. 2021, ImageNet-21K Pretraining, arXiv:2104.10972"),
    (r"\.sam_|\.sam$", "Chen et al. 2021, When Vision Transformers Outperform, arXiv:2106.01548"),
    (r"\.augreg", "Steiner et al. 2021, How to train your ViT?, arXiv:2106.10270"),
    (r"^vit_[a-z]+_patch\d+_\d+\.orig", "Dosovitskiy et al. 2020, ViT, arXiv:2010.11929"),
)
SWAG_PAPER = "Singh et al. 2022, SWAG, arXiv:2201.08371"
VIT_PAPER = "Dosovitskiy et al. 2020, ViT, arXiv:2010.11929"


def title_of(name: str, patch_px: int, rows_px: int) -> str:
    """Return a title to read, e.g. "ViT-B/16 224 · augreg2 in21k ft in1k".

    Parameters
    ----------
    name : str
        timm's name with its tag.
    patch_px, rows_px : int
        Side of a patch and rows of the input, in pixels.
    """
    architecture, _, tag = name.partition(".")
    stem, *words = architecture.split("_")
    size = next((SIZES[word] for word in words if word in SIZES), "")
    family = next((FAMILIES[word] for word in words if word in FAMILIES), "")
    said = {f"patch{patch_px}", str(rows_px)} | {word for word in words if SIZES.get(word) == size}
    extra = [w for w in words if w not in said and w not in FAMILIES]
    base = STEMS.get(stem, stem) + (f"-{size}" if size else "") + f"/{patch_px}"
    parts = [family, base, *extra, str(rows_px)]
    title = " ".join(part for part in parts if part)
    return f"{title} · {tag.replace('_', ' ')}" if tag else title


def paper_of(name: str) -> str:
    """Return author, year, short title and arXiv number; "" where we know none."""
    return next((paper for pattern, paper in PAPERS if re.search(pattern, name)), "")


def num_classes_of(name: str, outputs: int) -> int:
    """Return how many classes a head of so many outputs tells apart; 0 for an embedding.

    timm counts the width of the joint image and text space of a CLIP net as classes.
    """
    return outputs if outputs in CLASS_LISTS or name.endswith(".bamboo") else 0
