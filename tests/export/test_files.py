import errno
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests.export.helpers import make_content
from vitstudio.core.errors import ExportError
from vitstudio.export import files
from vitstudio.export.save import save


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_arrays_are_the_maps_own_bits(tmp_path):
    content = make_content()
    values = np.random.default_rng(5).random(content.info.grid_size).astype(np.float32)
    content = make_content()
    object.__setattr__(content.token_map, "values", values)
    path = save(content, tmp_path / "map.npz")
    with np.load(path) as arrays:
        assert arrays["map"].dtype == np.float32
        assert arrays["map"].tobytes() == values.tobytes()
        assert arrays["prefix"].tolist() == [0.25]
        assert tuple(arrays["grid_size"]) == content.info.grid_size
        assert tuple(arrays["input_rect_source_px"]) == content.info.transform.input_rect()
    assert json.loads((tmp_path / "map.json").read_text("utf-8"))["program"] == "vitstudio"
    assert names(tmp_path) == ["map.json", "map.npz"]


def test_a_plain_picture_has_no_arrays(tmp_path):
    with pytest.raises(ExportError, match="no map"):
        save(make_content(view="picture"), tmp_path / "map.npz")
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["figure", "figure.gif", "figure.PNG.txt"])
def test_an_unknown_suffix_lists_the_known_ones(tmp_path, name):
    with pytest.raises(ExportError, match=r"\.png, \.svg, \.pdf or \.npz"):
        save(make_content(), tmp_path / name)


def test_suffixes_may_be_capitals(qapp, tmp_path):
    assert save(make_content((40, 40)), tmp_path / "A.SVG").read_bytes().startswith(b"<?xml")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ExportError, match="does not exist"):
        files.write_files({tmp_path / "none" / "a.png": b"1"})


def test_a_name_that_is_too_long_is_an_error_of_the_export(tmp_path):
    path = tmp_path / f"{'x' * 300}.png"
    with pytest.raises(ExportError, match="too long"):
        files.write_files({path: b"1"})
    with pytest.raises(ExportError, match="too long"), files.whole_file(path):
        pass
    assert names(tmp_path) == []


def test_a_folder_in_the_way_is_named(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(ExportError, match="is a folder"):
        files.write_files({tmp_path / "a.png": b"1"})


def test_files_follow_the_usual_permissions(tmp_path):
    usual = tmp_path / "usual"
    usual.write_bytes(b"")
    files.write_files({tmp_path / "a.png": b"1"})
    assert (tmp_path / "a.png").stat().st_mode == usual.stat().st_mode


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.png").write_bytes(b"old")
    link = tmp_path / "link.png"
    link.symlink_to(tmp_path / "real.png")
    files.write_files({link: b"new"})
    assert link.is_symlink()
    assert (tmp_path / "real.png").read_bytes() == b"new"


class FullDisk(io.BytesIO):
    def write(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"old")

    def fdopen(descriptor, _mode):
        os.close(descriptor)
        return FullDisk()

    monkeypatch.setattr(files.os, "fdopen", fdopen)
    with pytest.raises(ExportError, match="disk is full"):
        files.write_files({tmp_path / "a.png": b"new"})
    assert names(tmp_path) == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"old"


def test_a_folder_without_permission_is_said_so(tmp_path, monkeypatch):
    def refuse(*_args):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files.os, "open", refuse)
    with pytest.raises(ExportError, match="may not be written"):
        files.write_files({tmp_path / "a.png": b"new"})
    assert names(tmp_path) == []


@pytest.mark.parametrize("existing", [True, False])
def test_of_two_files_both_or_none_change(tmp_path, monkeypatch, existing):
    first, second = tmp_path / "a.json", tmp_path / "a.npz"
    if existing:
        first.write_bytes(b"old json")
        second.write_bytes(b"old npz")
    replace = Path.replace

    def replace_but_the_second(self, target):
        if Path(target) == second:
            raise OSError(errno.EBUSY, "Device or resource busy")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", replace_but_the_second)
    with pytest.raises(ExportError, match="busy"):
        files.write_files({first: b"new json", second: b"new npz"})
    assert names(tmp_path) == (["a.json", "a.npz"] if existing else [])
    if existing:
        assert first.read_bytes() == b"old json"
        assert second.read_bytes() == b"old npz"


def test_a_drawing_error_leaves_nothing(qapp, tmp_path):
    content = make_content()
    object.__setattr__(content.state, "colormap", "rainbow")
    with pytest.raises(Exception, match="rainbow"):
        save(content, tmp_path / "a.png")
    assert names(tmp_path) == []
