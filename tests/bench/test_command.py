"""The command line of the measurements, and two of them for real, as briefly as they go."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vitstudio.cli import main

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--only", "nonsense"), "invalid choice"),
        (("--soak", "0"), "no number of minutes"),
        (("--soak", "long"), "no number of minutes"),
        (("--soak", "inf"), "no number of minutes"),
        (("--source", "demo:pan"), "add --soak"),
        (("--soak", "1", "--only", "live"), "leave --only out"),
    ],
)
def test_bad_usage(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["bench", *words])
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--out", "nowhere/result.json"), "nowhere' does not exist"),
        (("--soak", "1", "--source", "coffee.png"), "'coffee.png' does not move"),
        (("--soak", "1", "--source", "screen:1"), "Without a display there is no screen"),
    ],
)
def test_bad_input_is_one_sentence(
    words: tuple[str, ...],
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qapp: object,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["bench", *words]) == 1
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vitstudio", "bench", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )


def test_the_paint_of_marks_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], qapp: object
) -> None:
    out = tmp_path / "r.json"
    assert main(["bench", "--quick", "--only", "marks", "--json", "--out", str(out)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result == json.loads(out.read_text(encoding="utf-8"))
    assert [row["value"] > 0 for row in result["rows"]] == [True]


@pytest.mark.slow
def test_a_window_is_left_running(tmp_path: Path) -> None:
    done = run("--soak", "0.03", "--out", tmp_path / "s.json")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert result["source"] == "demo:pan"
    assert result["soak"]["errors"] == []
    assert "pictures" in done.stdout
