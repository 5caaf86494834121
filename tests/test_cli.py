"""The command line: what it writes is exact, and whatever goes wrong is one sentence."""

from __future__ import annotations

import functools
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

import vitstudio
from tests.plain_vit import plain_attention, timm_attention
from vitstudio import api, cli
from vitstudio.commands import trace as trace_command
from vitstudio.export.restore import read_state

ROOT = Path(__file__).parents[1]
COFFEE = ROOT / "assets" / "images" / "coffee.png"
WEIGHTS = ROOT / "assets" / "weights" / "dinov2_vits14.safetensors"
VIEWS = ("picture", "attention", "rollout", "pca", "norm", "similarity")
BEGINNINGS = {".png": b"\x89PNG\r\n", ".svg": b"<?xml", ".pdf": b"%PDF-", ".npz": b"PK\x03\x04"}

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], qapp: object) -> Run:
    """Runs a command in this process; gives exit status, stdout and stderr."""

    def run_command(*words: object) -> tuple[int, str, str]:
        try:
            status = cli.main([str(word) for word in words])
        except SystemExit as end:  # argparse
            status = int(end.code or 0)
        out, err = capsys.readouterr()
        return status, out, err

    return run_command


_load_once = functools.cache(api.load_model)


@pytest.fixture
def trace(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`vitstudio trace` on a small grid of a bundled photo; loads a model once for all tests."""
    monkeypatch.setattr(api, "load_model", _load_once)
    return lambda *words: run("trace", COFFEE, "--patches", 8, *words)


# ---- the same maps from the weights alone


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return {name: tensor.float() for name, tensor in load_file(WEIGHTS).items()}


def saved(path: Path) -> tuple[NDArray[np.float32], NDArray[np.float32], dict[str, Any]]:
    """Map, prefix and metadata of an .npz."""
    with np.load(path) as arrays:
        return arrays["map"], arrays["prefix"], json.loads(arrays["metadata"].tobytes())


def test_the_map_is_that_of_an_independent_computation(
    run: Run, weights: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "m.npz"
    status, out, err = run(
        *("trace", COFFEE, "--model", "dinov2_vits14", "--layer", 12, "--head", 1),
        *("--query", "cls", "--out", path),
    )
    assert (status, err) == (0, "")
    assert f"wrote {path}" in out
    heatmap, prefix, metadata = saved(path)
    assert heatmap.dtype == np.float32
    assert heatmap.shape == (28, 42)
    assert metadata["precision"] == "float32"
    with torch.inference_mode():
        plain = list(plain_attention(weights, COFFEE, 28, 42))[11][0, 0].numpy()
    by_timm = timm_attention(weights, COFFEE, 28, 42, 11)[0, 0].numpy()
    for row in (plain, by_timm):
        np.testing.assert_allclose(heatmap, row[1:].reshape(28, 42), rtol=0, atol=1e-5)
        np.testing.assert_allclose(prefix, row[:1], rtol=0, atol=1e-5)
        # The weights are small numbers; relative to the largest they agree as well.
        assert np.abs(heatmap.ravel() - row[1:]).max() < 1e-3 * row.max()
    assert heatmap.sum(dtype=np.float64) + prefix.sum() == pytest.approx(1.0, abs=1e-5)


def test_layers_heads_rows_and_columns_count_from_one(
    trace: Run, weights: dict[str, Tensor], tmp_path: Path
) -> None:
    with torch.inference_mode():
        maps = [layer.numpy() for layer in plain_attention(weights, COFFEE, 8, 12)]
    token = 1 + 2 * 12 + 4
    cases: list[tuple[tuple[object, ...], NDArray[np.float32]]] = [
        (("--layer", 1, "--head", 6, "--query", "3,5"), maps[0][5, token]),
        (("--layer", 7, "--head", 2, "--query", "8,12"), maps[6][1, 96]),
        (("--layer", 5, "--head", "mean", "--query", "1,1"), maps[4].mean(axis=0)[1]),
        (("--head", "max"), maps[11].max(axis=0)[0]),
        (("--head", 3, "--query", "3,5", "--direction", "to"), maps[11][2, :, token]),
    ]
    for words, expected in cases:
        assert trace(*words, "--out", tmp_path / "m.npz")[0] == 0
        heatmap, prefix, _ = saved(tmp_path / "m.npz")
        np.testing.assert_allclose(heatmap.ravel(), expected[1:], rtol=0, atol=1e-5)
        np.testing.assert_allclose(prefix, expected[:1], rtol=0, atol=1e-5)


# ---- all views and formats


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_written_in_every_format(trace: Run, tmp_path: Path, view: str) -> None:
    suffixes = [suffix for suffix in BEGINNINGS if (view, suffix) != ("picture", ".npz")]
    outs = [tmp_path / f"view{suffix}" for suffix in suffixes]
    words = [word for path in outs for word in ("--out", path)]
    status, out, err = trace("--view", view, "--layer", 4, "--query", "2,3", *words)
    assert (status, err) == (0, "")
    for path in outs:
        assert path.read_bytes().startswith(BEGINNINGS[path.suffix])
        assert f"wrote {path}" in out
        state = None if path.suffix == ".pdf" else read_state(path)
        if state is not None:
            assert (state.view, state.layer, state.patches) == (view, 3, 8)
            assert state.query == pytest.approx((2.5 / 12, 1.5 / 8))
    assert {path.suffix for path in outs if read_state(path)} >= {".png", ".svg"}


def test_how_it_is_drawn_reaches_the_file(trace: Run, tmp_path: Path) -> None:
    path = tmp_path / "view.png"
    drawn = ("--colormap", "viridis", "--opacity", 0.5, "--nearest", "--no-grid")
    assert trace(*drawn, "--fit", "whole", "--range", "0,0.125", "--out", path)[0] == 0
    state = read_state(path)
    assert state is not None
    assert (state.colormap, state.opacity, state.smooth, state.show_grid) == (
        "viridis",
        0.5,
        False,
        False,
    )
    assert (state.scale, state.fixed_range, state.fit) == ("fixed", (0.0, 0.125), "whole")


def test_the_report_as_json(trace: Run, tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    status, out, _err = trace("--layer", 3, "--head", 2, "--query", "2,3", "--json", "--out", path)
    assert status == 0
    report = json.loads(out)
    assert (report["layer"], report["head"], report["query_token"]) == (3, 2, 1 + 12 + 2)
    assert (report["grid_size"], report["picture_size"]) == ([8, 12], [400, 600])
    assert report["precision"] == "float32"
    assert report["trained"] is True
    assert report["check"] < 1e-4
    assert report["written"] == [str(path)]
    assert set(report["weight_on_prefix"]) == {"cls"}


def test_random_weights_are_said(trace: Run) -> None:
    status, out, _err = trace("--weights", "random")
    assert status == 0
    assert out.startswith("Random weights: this model was never trained.")


# ---- other families


@pytest.mark.parametrize(
    ("model", "words", "grid", "token"),
    [
        ("timm/test_vit.r160_in1k", ("--layer", "2"), [8, 8], 1 + 2 * 8 + 3),
        ("dat_tiny", ("--layer", "8", "--view", "points"), [14, 14], 2 * 14 + 3),
        ("timm/poolformer_s12.sail_in1k", ("--layer", "6"), [14, 14], 2 * 14 + 3),
    ],
    ids=lambda value: str(value).rpartition("/")[2] if isinstance(value, str) else "",
)
def test_a_query_counts_in_the_grid_of_its_layer(
    run: Run,
    tmp_path: Path,
    model: str,
    words: tuple[str, ...],
    grid: list[int],
    token: int,
) -> None:
    picture = tmp_path / "square.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)).save(picture)
    patches = ("--patches", 8) if "vit" in model else ()
    status, out, err = run(
        *("trace", picture, "--model", model, "--weights", "random", "--query", "3,4"),
        *("--json", "--out", tmp_path / "m.npz", *words, *patches),
    )
    assert status == 0, err
    report = json.loads(out)
    assert (report["grid_size"], report["query_token"]) == (grid, token)
    assert report["check"] < 1e-4
    status, _out, err = run(
        *("trace", picture, "--model", model, "--weights", "random", "--query", "99,1"), *words
    )
    assert status == 1
    assert "is outside the grid of" in err


@pytest.mark.parametrize(
    "command",
    [
        ("trace", "--model", "world_cnn"),
        ("depth", "--model", "world_depthformer"),
        ("zero-shot", "--model", "world_clip", "--labels", "a cube,a ball"),
    ],
)
def test_what_was_changed_on_a_picture_is_said_beside_the_report(
    run: Run, command: tuple[str, ...], tmp_path: Path
) -> None:
    picture = tmp_path / "half.png"
    Image.new("RGBA", (96, 96), (200, 30, 30, 128)).save(picture)
    name, *words = command
    status, out, err = run(name, picture, *words, "--json")
    assert (status, err) == (0, "vitstudio: Its transparent parts are laid on white.\n")
    assert json.loads(out)["picture"] == str(picture)


# ---- bad usage


@pytest.mark.parametrize(
    "words",
    [
        ("trace",),
        ("trace", COFFEE, "--layer", "last"),
        ("trace", COFFEE, "--view", "sideways"),
        ("trace", COFFEE, "--fit", "squash"),
        ("trace", COFFEE, "--patches", "1.5"),
        ("trace", COFFEE, "--colormap", "jet"),
        ("trace", COFFEE, "--precision", "int8"),
        ("trace", COFFEE, "--opacity", "half"),
        ("trace", COFFEE, "--nonsense"),
        ("models", "destroy"),
        ("models", "download"),
        ("models", "check"),
        ("bench", "--slow"),
        ("open", COFFEE, COFFEE),
        ("trac", COFFEE),
    ],
    ids=lambda words: " ".join(Path(str(word)).name for word in words),
)
def test_bad_usage_is_two(run: Run, words: tuple[object, ...]) -> None:
    status, out, err = run(*words)
    assert status == 2
    assert out == ""
    assert err.startswith("usage: vitstudio")
    assert "error:" in err


@pytest.mark.parametrize("words", [("--help",), ("trace", "--help"), ("-h",)])
def test_help_is_no_error(run: Run, words: tuple[str, ...]) -> None:
    status, out, err = run(*words)
    assert (status, err) == (0, "")
    assert out.startswith("usage: vitstudio")


def test_the_version(run: Run) -> None:
    assert run("--version") == (0, f"vitstudio {vitstudio.__version__}\n", "")


# ---- bad input


def assert_one_sentence(result: tuple[int, str, str], *words: str) -> None:
    status, out, err = result
    assert status == 1
    assert out == ""
    assert err.startswith("vitstudio: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert "Traceback" not in err
    for word in words:
        assert word in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--layer", 13), "layers 1 to 12; 13"),
        (("--layer", 0), "layers 1 to 12; 0"),
        (("--head", 7), "heads 1 to 6"),
        (("--head", 0), "'0' is none of them"),
        (("--head", "median"), "'median' is none of them"),
        (("--query", "dist"), "no 'dist' token"),
        (("--query", "9,1"), "row 9, column 1 is outside the grid of 8 rows and 12 columns"),
        (("--query", "0,1"), "both count from 1"),
        (("--query", "1,13"), "column 13"),
        (("--query", "1,2,3"), "--query ROW,COLUMN"),
        (("--query", "a,b"), "--query ROW,COLUMN"),
        (("--query", "1,1", "--fit", "whole"), "padding only"),
        (("--patches", 0), "1 to 20,000 patches"),
        (("--patches", -2), "1 to 20,000 patches"),
        (("--patches", 9000), "at most 20,000"),
        (("--opacity", 1.5), "Opacity"),
        (("--range", "1,0"), "low < high"),
        (("--range", "0,nan"), "low < high"),
        (("--range", "0"), "--range LOW,HIGH"),
        (("--model", "nothing"), "no model 'nothing'"),
        (("--model", "dinov2_vits41"), "did you mean dinov2_vits14?"),
        (("--model", "timm/nothing"), "nothing"),
        (("--device", "tpu"), "no device 'tpu'"),
        (("--weights", "missing.safetensors"), "missing.safetensors"),
        (("--out", "view.bmp"), ".png, .svg, .pdf or .npz"),
        (("--out", "view"), "no suffix"),
        (("--view", "picture", "--out", "view.npz"), "no map to save"),
    ],
    ids=lambda value: " ".join(str(part) for part in value) if isinstance(value, tuple) else "",
)
def test_bad_choices_are_one_sentence(
    trace: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[Any, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_one_sentence(trace(*words), said)
    assert list(tmp_path.iterdir()) == []


def test_pictures_that_cannot_be_opened_are_one_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no picture", encoding="utf-8")
    (tmp_path / "cut.png").write_bytes(COFFEE.read_bytes()[:5000])
    said = {
        "gone.png": "does not exist",
        "empty.png": "is empty",
        "text.png": "is not a picture",
        "cut.png": "is damaged or cut short",
    }
    for name, words in said.items():
        assert_one_sentence(run("trace", tmp_path / name), name, words)
    assert_one_sentence(run("trace", tmp_path))


def test_targets_that_cannot_be_written_are_one_sentence(trace: Run, tmp_path: Path) -> None:
    (tmp_path / "taken.png").mkdir()
    before = sorted(tmp_path.iterdir())
    assert_one_sentence(trace("--out", tmp_path / "gone" / "view.png"), "does not exist")
    assert_one_sentence(trace("--out", tmp_path / "taken.png"), "is a folder")
    assert_one_sentence(trace("--out", "/proc/view.png"))
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_one_sentence(trace: Run, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert_one_sentence(trace("--out", tmp_path / "view.png"), "may not be written")
    finally:
        tmp_path.chmod(0o700)


def test_nothing_is_written_of_a_command_with_one_bad_target(trace: Run, tmp_path: Path) -> None:
    good, bad = tmp_path / "view.npz", tmp_path / "view.bmp"
    assert_one_sentence(trace("--out", good, "--out", bad), "view.bmp")
    assert list(tmp_path.iterdir()) == []


def test_an_unforeseen_error_is_one_sentence_too(
    trace: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise KeyError("blocks\n.0")

    monkeypatch.setattr(trace_command, "_report", fail)
    assert_one_sentence(trace(), "KeyError", "please report it")


def test_lack_of_memory_says_what_to_do(trace: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        torch.empty(1 << 60, dtype=torch.uint8)

    monkeypatch.setattr(trace_command, "_report", fail)
    assert_one_sentence(trace(), "not enough memory", "lower the resolution")


def test_ctrl_c_is_one_sentence(trace: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trace_command, "_report", stop)
    assert_one_sentence(trace(), "stopped")


# ---- models


def test_models_are_listed_and_searched(run: Run) -> None:
    for words in (("models",), ("models", "list")):
        status, out, _err = run(*words)
        assert status == 0
        assert out.splitlines()[0].split()[0] == "dinov2_vits14"
        assert out.splitlines()[0].endswith("bundled")
    status, out, _err = run("models", "list", "DINOv2", "vits14", "--json")
    assert status == 0
    found = json.loads(out)
    assert found[0]["id"] == "dinov2_vits14"
    assert (found[0]["layers"], found[0]["heads"], found[0]["dim"]) == (12, 6, 384)
    assert found[0]["weights_bytes"] == WEIGHTS.stat().st_size
    assert all("dinov2" in f"{row['id']} {row['title']}".lower() for row in found)


def test_a_search_without_a_match_is_one_sentence(run: Run) -> None:
    assert_one_sentence(run("models", "list", "no", "such", "net"), "'no such net'")


def test_the_proof_of_a_model(run: Run) -> None:
    status, out, _err = run("models", "check", "dinov2_vits14", "--json")
    assert status == 0
    report = json.loads(out)
    assert len(report["relative_errors"]) == 12
    assert max(report["relative_errors"]) < report["tolerance"] == 1e-4


def test_a_proof_that_fails_is_an_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitstudio.api.Trace.check", lambda _self, layer: 0.25 if layer else 0.0)
    status, out, err = run("models", "check", "dinov2_vits14", "--weights", "random")
    assert status == 1
    assert "layer   2: 2.5e-01" in out
    assert err.count("\n") == 1
    assert "differ from what the model computed by 2.5e-01" in err


def test_a_download_of_an_unknown_model_is_one_sentence(run: Run) -> None:
    assert_one_sentence(run("models", "download", "nothing"), "nothing")


def test_what_no_hub_has_is_not_said_to_be_here(run: Run) -> None:
    assert_one_sentence(run("models", "download", "dat_tiny"), "by hand", "LeapLabTHU")
    assert run("models", "download", "world_vit") == (0, "world_vit is on this computer.\n", "")


def test_a_download_without_a_network_is_one_sentence(run: Run) -> None:
    assert_one_sentence(run("models", "download", "timm/vit_tiny_patch16_224.augreg_in21k"))


# ---- as a program


def program(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "vitstudio", *map(str, words)],
        capture_output=True,
        text=True,
        env={**environment, **options.pop("env", {})},
        timeout=120,
        check=False,
        **options,
    )


def test_the_program_ends_with_the_status() -> None:
    result = program("models", "list", "no such net")
    assert_one_sentence((result.returncode, result.stdout, result.stderr), "No model matches")


def test_without_a_display_the_window_says_how_to_get_a_picture_anyway() -> None:
    hidden = {"QT_QPA_PLATFORM": "", "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    result = program(COFFEE, env=hidden)
    assert_one_sentence(
        (result.returncode, result.stdout, result.stderr), "no display", "vitstudio trace IMAGE"
    )


def test_what_is_no_number_is_null_in_json(trace: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.Trace, "check", lambda _trace, _layer: float("nan"))
    status, out, _ = trace("--json")

    def refuse(word: str) -> None:
        raise AssertionError(word)

    assert status == 0
    assert json.loads(out, parse_constant=refuse)["check"] is None


def test_letters_that_the_output_lacks_are_escaped(
    qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def printed(*words: str) -> str:
        page = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(page, encoding="ascii"))
        assert cli.main(words) == 0
        return page.getvalue().decode("ascii")

    words = ("zero-shot", "tabletop:3", "--model", "world_clip", "--labels", "猫,😀")
    assert "\\u732b" in printed(*words)
    found = json.loads(printed(*words, "--json"))
    assert {row["label"] for row in found["labels"]} == {"猫", "😀"}


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell")
def test_an_output_that_is_closed_or_full_is_no_mistake_of_the_program() -> None:
    def shell(redirection: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", f"'{sys.executable}' -m vitstudio models list swin {redirection}"],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            timeout=120,
            check=False,
        )

    closed = shell(">&-")
    assert (closed.returncode, closed.stderr) == (0, "")
    if Path("/dev/full").exists():
        full = shell(">/dev/full")
        assert_one_sentence((full.returncode, full.stdout, full.stderr), "disk is full")


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell")
def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = f"'{sys.executable}' -m vitstudio models list | head -n 1"
    result = subprocess.run(
        ["sh", "-c", command],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
        check=False,
    )
    assert result.stdout.startswith("dinov2_vits14")
    assert result.stderr == ""
