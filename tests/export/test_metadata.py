import json
import re
import struct
import xml.etree.ElementTree as ET
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.export.helpers import make_content, make_spec
from vitstudio.core.errors import StateError
from vitstudio.core.state import State
from vitstudio.export.metadata import metadata_json
from vitstudio.export.restore import SavedView, read_state, read_view
from vitstudio.export.save import save

SVG = "{http://www.w3.org/2000/svg}"
SOURCES = [
    "cat.png",
    "写真/ねこ ☕ é.png",
    'C:\\pictures\\<b>&"cat".png',
    "odd\udcff\x07\ufffe.png",
]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("suffix", [".png", ".svg", ".npz"])
def test_an_export_gives_its_state_back(qapp, tmp_path, suffix, source):
    content = make_content(source=source, query=(0.25, 0.5), scale="fixed", fixed_range=(0.0, 0.5))
    path = save(content, tmp_path / f"ねこ{suffix}")
    assert read_state(path) == content.state
    if suffix == ".npz":
        assert read_state(path.with_suffix(".json")) == content.state


def test_an_export_of_a_film_says_when_its_picture_comes(qapp, tmp_path):
    content = make_content(source="film.mp4")
    frame = replace(content.info.frame, index=62, capture_time_s=2.48)
    moving = replace(content, info=replace(content.info, frame=frame))
    path = save(moving, tmp_path / "view.png")
    assert read_view(path) == SavedView(content.state, 2.48)


@pytest.mark.parametrize("time_s", ["soon", None, True, -1, 1e300, [2.0]])
def test_a_time_that_is_none_leaves_the_view(tmp_path, time_s):
    """Exports of before have none."""
    saved = {"program": "vitstudio", "state": json.loads(State().to_json())}
    path = tmp_path / "view.json"
    for picture in ({"time_s": time_s}, {}, None):
        path.write_text(json.dumps({**saved, "picture": picture}))
        assert read_view(path) == SavedView(State())


def test_metadata_tells_all_that_reproduces_the_view(qapp):
    content = make_content(fit="trained", query_rc=(1, 2))
    data = json.loads(metadata_json(content))
    assert data["model"]["id"] == "tiny_vit"
    assert data["model"]["weights_hash"] == "0123456789abcdef"
    assert data["model"]["trained"] is True
    assert data["picture"]["source"] == "cat.png"
    assert data["picture"]["size_rc"] == [300, 420]
    assert data["geometry"]["input_size_rc"] == [128, 128]
    assert data["geometry"]["input_rect_source_px"] == list(content.info.transform.input_rect())
    assert data["colours"]["low"] == 0.0
    assert data["colours"]["high"] == pytest.approx(0.02)
    assert data["precision"] == "float32"
    assert data["version"]
    assert data["query_rc"] == [1, 2]


@pytest.mark.parametrize(("scale", "wanted"), [("map", 0.5), ("shared", 0.5), ("fixed", 0.0)])
def test_metadata_tells_that_a_live_range_is_a_mean(qapp, scale, wanted):
    content = make_content(scale=scale, fixed_range=(0.0, 1.0))
    assert json.loads(metadata_json(content))["colours"]["averaged_over_s"] == 0.0
    means = ((0.0, 0.25), (0.0, 0.75))
    live = replace(content, token_map=replace(content.token_map, mean_ranges=means))
    colours = json.loads(metadata_json(live))["colours"]
    assert colours["averaged_over_s"] == wanted
    assert colours["high"] == {"map": 0.25, "shared": 0.75, "fixed": 1.0}[scale]


def test_other_programs_read_the_png_text(qapp, tmp_path):
    content = make_content(source="ねこ.png")
    with Image.open(save(content, tmp_path / "a.png")) as image:
        assert json.loads(image.text["vitstudio"])["picture"]["source"] == "ねこ.png"
        assert image.text["Software"].startswith("VitStudio ")
        image.load()


@pytest.mark.parametrize("kind", ["tEXt", "zTXt", "iTXt", "zipped iTXt"])
def test_a_png_saved_again_by_another_program_still_restores(qapp, tmp_path, kind):
    content = make_content()
    info = PngInfo()
    text = metadata_json(content)
    if "i" in kind[-4:-3]:
        info.add_itxt("vitstudio", text, zip="zipped" in kind)
    else:
        info.add_text("vitstudio", text, zip=kind == "zTXt")
    Image.new("RGB", (9, 9)).save(tmp_path / "again.png", pnginfo=info)
    assert read_state(tmp_path / "again.png") == content.state


def test_pdf_carries_the_state_as_attachment_and_a_title(qapp, tmp_path):
    content = make_content()
    data = save(content, tmp_path / "a.pdf").read_bytes()
    assert b"vitstudio.json" in data or "vitstudio.json".encode("utf-16-be") in data
    streams = []
    for match in re.finditer(rb"stream\r?\n", data):
        try:
            streams.append(zlib.decompressobj().decompress(data[match.end() :]))
        except zlib.error:
            streams.append(data[match.end() : match.end() + 5000])
    state = json.dumps(json.loads(content.state.to_json())).encode()
    assert any(state in stream for stream in streams)
    assert "Tiny ViT".encode("utf-16-be") in data or b"Tiny ViT" in data


def test_svg_is_made_of_vectors_and_text(qapp, tmp_path):
    content = make_content(smooth=False, query_rc=(1, 1))
    root = ET.parse(save(content, tmp_path / "a.svg")).getroot()
    map_group = root.find(f"{SVG}g[@id='map']")
    assert map_group is not None
    hot = [path for path in map_group.iter(f"{SVG}path") if path.get("fill") == "#fcffa4"]
    assert len(hot) == 1
    assert hot[0].get("d", "").count("M") == 1
    assert root.find(f"{SVG}path[@id='grid']") is not None
    assert root.find(f"{SVG}g[@id='query']") is not None
    words = " ".join(root.itertext())
    for word in ("layer 3 of 4", "class token looks at", "tiny_vit", "float32", "0.005", "0.02"):
        assert word in words


@pytest.mark.parametrize("trained", [True, False])
def test_random_weights_are_marked(qapp, tmp_path, trained):
    content = make_content(spec=make_spec(trained=trained))
    words = " ".join(ET.parse(save(content, tmp_path / "a.svg")).getroot().itertext())
    assert ("Untrained: random weights" in words) is not trained


def test_random_weights_are_marked_in_pixels(qapp, tmp_path):
    marked = np.asarray(
        Image.open(save(make_content(spec=make_spec(trained=False)), tmp_path / "a.png"))
    ).astype(int)
    amber = np.abs(marked - (0xFF, 0xB4, 0x54)).sum(axis=2) < 30
    assert amber[-250:].sum() > 100


def test_ordinary_files_carry_no_state(tmp_path):
    Image.new("RGB", (64, 64)).save(tmp_path / "plain.png")
    Image.new("RGB", (64, 64)).save(tmp_path / "plain.jpg")
    (tmp_path / "plain.svg").write_text("<svg><metadata>mine</metadata></svg>")
    (tmp_path / "other.json").write_text('{"a": [1, 2]}')
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "empty.png").write_bytes(b"")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    for path in sorted(tmp_path.iterdir()):
        assert read_state(path) is None, path
    assert read_state(tmp_path) is None
    assert read_state(tmp_path / "missing.png") is None


def test_pixels_of_a_large_png_are_not_read(tmp_path):
    path = tmp_path / "large.png"
    Image.new("RGB", (8, 8)).save(path)
    header = path.read_bytes()[:33]
    length = 1 << 30
    with path.open("wb") as file:
        # A sparse gigabyte of pixel data: reading it would take seconds and its memory.
        file.write(header + struct.pack(">I4s", length, b"IDAT"))
        file.truncate(len(header) + 8 + length + 4)
    assert read_state(path) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"layer": 2', b'"layer":-2'),
        (b'"layer": 2', b'"lajer": 2'),
        (b'"state": {', b'"state": ['),
        (b'"version": 1', b'"version": 9'),
        (b'"opacity": 0.85', b'"opacity": "ab"'),
    ],
)
@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_damaged_state_is_said_to_be_damaged(qapp, tmp_path, suffix, old, new):
    path = save(make_content(), tmp_path / f"a{suffix}")
    data = path.read_bytes()
    assert data.count(old) >= 1
    path.write_bytes(data.replace(old, new))
    with pytest.raises(StateError, match=re.escape(path.name)):
        read_state(path)


def test_an_svg_with_entities_is_not_expanded(tmp_path):
    bomb = '<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    path = tmp_path / "bomb.svg"
    path.write_text(f'{bomb}<svg><metadata id="vitstudio">&b;</metadata></svg>')
    with pytest.raises(StateError, match="damaged"):
        read_state(path)


def test_deeply_nested_json_is_refused(tmp_path):
    path = tmp_path / "deep.json"
    path.write_text("[" * 200_000)
    with pytest.raises(StateError, match="damaged"):
        read_state(path)


def test_a_session_file_is_a_state_too(tmp_path):
    state = State(source="cat.png", layer=3)
    (tmp_path / "session.json").write_text(state.to_json(), encoding="utf-8")
    assert read_state(tmp_path / "session.json") == state


@pytest.mark.parametrize("model_id", ["/home/ada/own nets/mine.pth", r"C:\Users\ada\mine.pth"])
def test_the_caption_names_a_checkpoint_without_its_folder(qapp, tmp_path, model_id):
    content = make_content(spec=make_spec(id=model_id))
    path = save(content, tmp_path / "a.svg")
    words = " ".join(ET.parse(path).getroot().find(f"{SVG}g[@id='caption']").itertext())
    assert "mine.pth" in words
    assert "ada" not in words


def test_the_caption_names_a_listed_model_by_its_id(qapp, tmp_path):
    path = save(make_content(spec=make_spec(id="timm/vit_tiny")), tmp_path / "a.svg")
    assert "timm/vit_tiny" in path.read_text("utf-8").partition('id="caption"')[2]
