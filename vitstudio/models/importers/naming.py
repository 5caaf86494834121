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
    (r"^swin_s3", "Chen et al. 2021, Searching the Search Space of ViT, arXiv:2111.14725"),
    (r"^swin_?v2", "Liu et al. 2022, Swin Transformer V2, arXiv:2111.09883"),
    (r"^swin", "Liu et al. 2021, Swin Transformer, arXiv:2103.14030"),
    (r"^poolformer_", "Yu et al. 2022, MetaFormer Is Actually What You Need, arXiv:2111.11418"),
    (r"former", "Yu et al. 2022, MetaFormer Baselines for Vision, arXiv:2210.13452"),
    (r"^g?mixer", "Tolstikhin et al. 2021, MLP-Mixer, arXiv:2105.01601"),
    (r"^resmlp", "Touvron et al. 2021, ResMLP, arXiv:2105.03404"),
    (r"^gmlp", "Liu et al. 2021, Pay Attention to MLPs, arXiv:2105.08050"),
    (r"^convnextv2", "Woo et al. 2023, ConvNeXt V2, arXiv:2301.00808"),
    (r"convnext", "Liu et al. 2022, A ConvNet for the 2020s, arXiv:2201.03545"),
    (r"\.a[123]h?_", "Wightman et al. 2021, ResNet Strikes Back, arXiv:2110.00476"),
    (r"^resnetrs", "Bello et al. 2021, Revisiting ResNets, arXiv:2103.07579"),
    (r"^ecaresnet", "Wang et al. 2019, ECA-Net, arXiv:1910.03151"),
    (r"^se(res)?ne", "Hu et al. 2017, Squeeze-and-Excitation Networks, arXiv:1709.01507"),
    (r"^resnext", "Xie et al. 2016, ResNeXt, arXiv:1611.05431"),
    (r"^wide_resnet", "Zagoruyko and Komodakis 2016, Wide ResNets, arXiv:1605.07146"),
    (r"resnet", "He et al. 2015, Deep Residual Learning, arXiv:1512.03385"),
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


STAGED = (
    ("swinv2", "Swin V2"), ("swin_v2", "Swin V2"), ("swin", "Swin"),
    ("poolformerv2", "PoolFormer V2"), ("poolformer", "PoolFormer"),
    ("convformer", "ConvFormer"), ("caformer", "CAFormer"),
    ("gmixer", "gMixer"), ("mixer", "MLP-Mixer"), ("resmlp", "ResMLP"), ("gmlp", "gMLP"),
    ("convnextv2", "ConvNeXt V2"), ("convnext", "ConvNeXt"),
    ("ecaresnet", "ECA-ResNet"), ("seresnext", "SE-ResNeXt"), ("seresnet", "SE-ResNet"),
    ("wide_resnet", "Wide ResNet"), ("resnetrs", "ResNet-RS"), ("resnext", "ResNeXt"),
    ("resnet", "ResNet"), ("senet", "SENet"), ("test", "Test"),
)  # fmt: skip
"""How names of nets that are no plain transformers begin, and how that is written."""


def staged_title(name: str, rows_px: int) -> str:
    """Return a title to read for such a net, e.g. "Swin-T window7 224 · ms in1k".

    Parameters
    ----------
    name : str
        The library's name with its tag.
    rows_px : int
        Rows of the input, in pixels.
    """
    architecture, _, tag = name.partition(".")
    start, written = next(pair for pair in STAGED if architecture.startswith(pair[0]))
    words = [word for word in architecture.removeprefix(start).split("_") if word]
    words = [word for word in words if word not in ("patch4", str(rows_px))]
    sizes = SIZES | {"tiny": "T"}  # "Ti" is the habit of plain ViTs
    size = sizes.get(words[0]) or _short(words[0]) if words else ""
    base = f"{written}-{size}" if size else written
    rest = words[1:] if size else words
    title = " ".join((base, *rest, str(rows_px)))
    return f"{title} · {tag.replace('_', ' ')}" if tag else title


def _short(word: str) -> str:
    """A size such as "50", "s12" or "t" as it is written; "" for other words."""
    return word.upper() if re.fullmatch(r"[a-z]?\d*|\d+[a-z]", word) else ""


def paper_of(name: str) -> str:
    """Return author, year, short title and arXiv number; "" where we know none."""
    return next((paper for pattern, paper in PAPERS if re.search(pattern, name)), "")


def num_classes_of(name: str, outputs: int) -> int:
    """Return how many classes a head of so many outputs tells apart; 0 for an embedding.

    timm counts the width of the joint image and text space of a CLIP net as classes.
    """
    return outputs if outputs in CLASS_LISTS or name.endswith(".bamboo") else 0
