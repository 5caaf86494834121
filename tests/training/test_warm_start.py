"""A Swin under other names computes the same: features of both nets, number by number."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from vitstudio.core.errors import CheckpointError
from vitstudio.models.world_nets import build_world
from vitstudio.training.recipes import find_recipe
from vitstudio.training.setup import make_task
from vitstudio.training.warm_start import swin_as_branch, swin_as_dat


def scrambled(net: torch.nn.Module) -> None:
    """Random numbers everywhere: what is confused cannot stay unseen."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))


def test_the_branch_computes_what_the_swin_does() -> None:
    swin, depth = build_world("world_swin").net.eval(), build_world("world_depthformer").net.eval()
    scrambled(swin)
    taken = swin_as_branch(swin.state_dict(), depth.state_dict())
    missing, unexpected = depth.load_state_dict(taken, strict=False)
    assert not unexpected
    assert not [name for name in missing if ".blocks." in name and "index" not in name]
    image = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    theirs: list[torch.Tensor] = []
    ours: list[torch.Tensor] = []
    for stage, layer in enumerate(swin.layers):  # type: ignore[union-attr, arg-type]
        blocks = layer.blocks
        last = min(len(blocks), len(depth.backbone.stages[stage].blocks)) - 1  # type: ignore[union-attr, index]
        blocks[last].register_forward_hook(lambda _m, _i, out: theirs.append(out))
        depth.backbone.stages[stage].blocks[last].register_forward_hook(  # type: ignore[union-attr, index]
            lambda _m, _i, out: ours.append(out[0] if isinstance(out, tuple) else out)
        )
    with torch.inference_mode():
        swin(image)
        depth(image)
    assert len(ours) == len(theirs) == 4
    for stage in range(3):  # the fourth follows blocks that the branch does not have
        expected = theirs[stage].reshape(ours[stage].shape)
        torch.testing.assert_close(ours[stage], expected, rtol=1e-4, atol=1e-4)


def test_another_size_is_refused() -> None:
    swin, depth = build_world("world_swin").net, build_world("world_depthformer").net
    state = swin.state_dict()
    state["layers.0.blocks.0.mlp.fc1.weight"] = torch.zeros(64, 32)
    with pytest.raises(CheckpointError, match="other sizes"):
        swin_as_branch(state, depth.state_dict())


def test_a_net_that_begins_with_another_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitstudio.training.setup.assets_dir", lambda: tmp_path)
    with pytest.raises(CheckpointError, match="train that first"):
        make_task(find_recipe("world_depthformer"))


def test_a_net_begins_with_the_weights_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swin = build_world("world_swin").net
    scrambled(swin)
    (tmp_path / "weights").mkdir()
    save_file(swin.state_dict(), tmp_path / "weights" / "world_swin.safetensors")
    monkeypatch.setattr("vitstudio.training.setup.assets_dir", lambda: tmp_path)
    task = make_task(find_recipe("world_depth_plain"))
    weight = task.net.state_dict()["backbone.stages.2.blocks.1.ffn.layers.1.weight"]
    torch.testing.assert_close(weight, swin.state_dict()["layers.2.blocks.1.mlp.fc2.weight"])


def test_a_dat_begins_as_the_swin() -> None:
    swin, dat = build_world("world_swin").net.eval(), build_world("world_dat").net.eval()
    scrambled(swin)
    taken = swin_as_dat(swin.state_dict(), dat.state_dict())
    missing, unexpected = dat.load_state_dict(taken, strict=False)
    assert not unexpected
    own = ("conv_offset", "relative_position_index", "attn_mask")
    assert all(any(word in name for word in own) for name in missing)
    image = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    seen: dict[str, torch.Tensor] = {}
    swin.layers[0].register_forward_hook(lambda _m, _i, out: seen.update(swin=out))  # type: ignore[union-attr, index, operator]
    dat.stages[0].register_forward_hook(lambda _m, _i, out: seen.update(dat=out))  # type: ignore[union-attr, index, operator]
    with torch.inference_mode():
        swin(image)
        dat(image)
    torch.testing.assert_close(seen["dat"].permute(0, 2, 3, 1), seen["swin"], rtol=1e-4, atol=1e-4)


def test_cells_are_joined_in_swins_order() -> None:
    swin, dat = build_world("world_swin").net.eval(), build_world("world_dat").net.eval()
    scrambled(swin)
    dat.load_state_dict(swin_as_dat(swin.state_dict(), dat.state_dict()), strict=False)
    cells = torch.randn(2, 6, 8, 64, generator=torch.Generator().manual_seed(2))
    merging = swin.layers[2].downsample  # type: ignore[union-attr, index]
    merging.norm.bias.data.zero_()  # type: ignore[union-attr, operator]
    joined = merging(cells)  # type: ignore[operator]
    # Swin normalises what it joins; what DAT joins here is normalised in the same way before.
    rows = [cells[:, r::2, c::2] for c in (0, 1) for r in (0, 1)]
    together = torch.cat(rows, dim=-1)
    mean, std = together.mean(-1, keepdim=True), together.var(-1, keepdim=True, unbiased=False)
    scale = (std + 1e-5).sqrt()
    convolved = dat.down_projs[1][0]  # type: ignore[union-attr, index]
    weight: torch.Tensor = convolved.weight  # type: ignore[union-attr, assignment]
    shifted = convolved(cells.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)  # type: ignore[operator]
    expected = (shifted - mean * weight.sum(dim=(1, 2, 3))) / scale
    torch.testing.assert_close(joined, expected, rtol=1e-4, atol=1e-3)


def test_the_bias_of_windows_is_that_of_near_points() -> None:
    swin, dat = build_world("world_swin").net, build_world("world_dat").net
    scrambled(swin)
    taken = swin_as_dat(swin.state_dict(), dat.state_dict())
    theirs = swin.state_dict()["layers.2.blocks.1.attn.relative_position_bias_table"]
    ours = taken["stages.2.attns.1.rpe_table"]
    assert ours.shape == (8, 15, 15)
    # One row down and two columns left of the query: (y, x) of query minus key, from the middle.
    torch.testing.assert_close(ours[:, 7 - 1, 7 + 2], theirs[(3 - 1) * 7 + 3 + 2])
    assert not ours[:, :4].any()
    assert not ours[..., 11:].any()
