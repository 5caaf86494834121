"""Model libraries come without torch's compiler, which works as ever once it is wanted."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import version

import pytest

from tests.interpreters import said
from vitstudio.models.light_imports import ASKED, COMPILER, without_compiler

SCRIPT = """
import json, sys
import torch
from vitstudio.models.families import bring_libraries
from vitstudio.models.light_imports import without_compiler

with without_compiler():
    from torch.compiler import disable
    import torch._dynamo.utils as asked
    twice = disable(lambda x: 2 * x)
    again = disable(recursive=False)(lambda x: 3 * x)
told = {"six": twice(3), "nine": again(3), "stand-in gone": asked.__name__ not in sys.modules}
bring_libraries("timm/any")
told["timm"] = "timm.models" in sys.modules
told["compiler"] = "torch._dynamo" in sys.modules
from torchvision.ops import roi_align
pooled = roi_align(torch.ones(1, 3, 8, 8), torch.tensor([[0, 1.0, 1, 5, 5]]), (2, 2))
told["pooled"] = pooled.flatten().tolist()

@torch.compile(backend="eager")
def compiled(x):
    return twice(x) + again(x) + 1

told["compiled"] = compiled(torch.ones(2)).tolist()
told["later"] = "torch._dynamo" in sys.modules
with without_compiler():
    import torch._dynamo
    told["real"] = callable(torch._dynamo.utils.is_compile_supported)
print(json.dumps(told))
"""
THROUGH = """
import json, sys
import torch
from vitstudio.models.light_imports import without_compiler

with without_compiler():
    from torch._dynamo.utils import counters, is_compile_supported
print(json.dumps([isinstance(counters, dict), is_compile_supported("cpu") in (True, False)]))
"""


@pytest.mark.slow
def test_the_compiler_comes_when_it_is_used() -> None:
    assert said(SCRIPT) == {
        "six": 6,
        "nine": 9,
        "stand-in gone": True,
        "timm": True,
        "compiler": False,
        "pooled": [1.0] * 12,
        "compiled": [6.0, 6.0],
        "later": True,
        "real": True,
    }


def test_what_is_excepted_is_called_plainly_while_the_compiler_is_put_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (COMPILER, ASKED):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with without_compiler():
        twice = importlib.import_module(COMPILER).disable(lambda x: 2 * x)
        assert twice(3) == 6


RECOGNISED = """
import json
from vitstudio.core.assets import assets_dir
from vitstudio.models.load import load_checkpoint

model = load_checkpoint(str(assets_dir() / "weights" / "dinov2_vits14.safetensors"))
print(json.dumps(model.spec.num_layers))
"""


@pytest.mark.slow
def test_a_checkpoint_is_the_first_thing_that_is_opened() -> None:
    assert said(RECOGNISED) == 12


@pytest.mark.slow
def test_whatever_else_is_asked_is_the_real_one_s() -> None:
    assert said(THROUGH) == [True, True]


TORCH = """
import json, sys
from vitstudio.models.light_imports import bring_torch, complete_torch
bring_torch()
import torch
told = {"left out": [name in sys.modules for name in ("torch._meta_registrations", "torch.export")]}
x = torch.arange(6.0).reshape(2, 3)
told["on its own"] = torch.nn.Linear(3, 2)(x).shape[1], "torch.export" in sys.modules
told["jacobian"] = torch.func.jacrev(lambda v: v * v)(torch.tensor([1.0, 2.0])).tolist()
told["completed"] = [m in sys.modules for m in ("torch._meta_registrations", "torch.export")]
told["forward mode"] = torch.func.jvp(torch.sin, (torch.zeros(1),), (torch.ones(1),))[1].item()
told["mapped"] = torch.vmap(torch.sum)(x).tolist()
with torch.device("meta"):
    told["meta"] = list(torch.nn.Conv2d(3, 5, 2)(torch.empty(1, 3, 4, 4)).shape)
complete_torch()
told["there"] = [name in sys.modules for name in ("torch._meta_registrations", "torch.export")]
told["the modules"] = torch.export is sys.modules["torch.export"], hasattr(
    torch._export, "wrappers"
), sys.modules["torch._export"].__spec__.origin is not None
compiled = torch.compile(lambda v: v.relu() + 1, backend="eager")
told["compiled"] = compiled(torch.tensor([-1.0, 1.0])).tolist()
bring_torch()
print(json.dumps(told))
"""
ASKED_EARLY = """
import json, sys
from vitstudio.models.light_imports import bring_torch
bring_torch()
import torch
net = torch.nn.Linear(2, 1)
program = torch.export.export(net, (torch.ones(1, 2),))
same = torch.equal(program.module()(torch.ones(1, 2)), net(torch.ones(1, 2)))
print(json.dumps([same, "torch._meta_registrations" in sys.modules]))
"""


OLD = tuple(int(part) for part in version("torch").split(".")[:2]) < (2, 11)
"""Torch 2.6 needs its exporter, and sympy, itself: nothing is saved there, and nothing breaks."""


@pytest.mark.slow
def test_torch_comes_without_its_exporter_and_works() -> None:
    assert said(TORCH) == {
        "left out": [OLD, OLD],
        "on its own": [2, OLD],
        "jacobian": [[2.0, 0.0], [0.0, 4.0]],
        "completed": [True, True],
        "forward mode": 1.0,
        "mapped": [3.0, 12.0],
        "meta": [1, 5, 3, 3],
        "there": [True, True],
        "the modules": [True, True, True],
        "compiled": [1.0, 2.0],
    }


@pytest.mark.slow
def test_a_graph_can_be_exported_all_the_same() -> None:
    assert said(ASKED_EARLY) == [True, True]


QUESTIONS = """
import json, sys
import numpy as np
from vitstudio.core.frame import Frame
from vitstudio.models.light_imports import bring_torch
bring_torch()
from vitstudio.models.load import load
frame = Frame(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
for model_id in ("world_cnn", "world_mixer", "world_poolformer", "world_vit"):
    trace = load(model_id).trace_frame(frame)
    trace.mixing(len(trace.layers) - 1, (0, 0))
trace.rollout()
print(json.dumps([name in sys.modules for name in ("torch._dynamo", "sympy", "mpmath")]))
"""


@pytest.mark.slow
def test_no_question_brings_the_compiler() -> None:
    """It would take seconds, on the first question of its kind."""
    assert said(QUESTIONS) == [False, OLD, OLD]


SCENE = """
import json
from vitstudio.models.light_imports import bring_torch
bring_torch()
import torch
from vitstudio.world.noise import fractal_noise
print(json.dumps(list(fractal_noise(torch.rand(3, 5)).shape)))
"""


@pytest.mark.slow
def test_a_scene_can_be_painted_with_what_is_brought() -> None:
    """A tabletop scene is drawn beside DINOv2, which needs no more of torch than was brought."""
    assert said(SCENE) == [5]
