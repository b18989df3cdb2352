"""The container of layers: its bytes, read by a second reader; damage, lies and hostile files cost the layer alone."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from helpers import encoded, photo
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_boxes import VENDOR, read_container

from saliency_jpeg.errors import LayerWarning, SegmentError
from saliency_jpeg.metadata import jumbf, segments
from saliency_jpeg.metadata.jpeg_metadata import MODES, build, collect
from saliency_jpeg.metadata.layer_kinds import Layer, widths_layer
from saliency_jpeg.metadata.layers import (
    DESCRIBED,
    are_layers,
    build_layers,
    describe_layers,
    layer_segments,
    own_layers,
    read_layers,
    without_layers,
)
from saliency_jpeg.metadata.model import Metadata
from saliency_jpeg.metadata.segments import Segment

DIGEST = b"12345678"
WIDTHS = np.array([[56, 66, 54, 109], [48, 32, 42, 40], [49, 32, 45, 255]], np.uint8)
WIDTHS_LAYER = widths_layer(WIDTHS, "restore")
JPEG = encoded(photo(16, 16))
OTHERS: list[Segment] = [(0xE1, b"Exif\0\0MM"), (0xEB, b"JP\0\1" + bytes(40)), (0xEB, b"HDR_RI ver=11"), (0xFE, b"JP")]


def states(own: list[Segment], digest: bytes = DIGEST) -> list[tuple[str, str]]:
    return [(info.kind, info.state) for info in describe_layers(own, lambda: digest)]


def with_content(content: bytes) -> list[Segment]:
    """Segments as the library writes them around any content of the vendor's box."""
    return jumbf.split(0x534A, DESCRIBED, jumbf.box(b"uuid", VENDOR + content))


def segments_of(*layers: Layer) -> list[Segment]:
    return build_layers(DIGEST, layers or [WIDTHS_LAYER])


def content_of(*layers: Layer) -> bytes:
    """The content of the vendor's box."""
    return b"".join(p[16:] for _, p in segments_of(*layers))[46 + 24 :]


# Round trip ---------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.builds(
            Layer,
            st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=8),
            st.integers(0, 65535),
            st.one_of(st.binary(max_size=40), st.integers(63_800, 64_100).map(bytes), st.just(bytes(200_000))),
        ),
        max_size=4,
    ),
    st.binary(min_size=8, max_size=8),
)
def test_a_second_reader_finds_what_was_written(layers: list[Layer], digest: bytes) -> None:
    own = build_layers(digest, layers)
    read = read_container(segments.replace_segments(JPEG, own))
    assert read.digest == digest
    assert read.layers == [(kind.encode(), version, payload) for kind, version, payload in layers]
    listed = describe_layers([*OTHERS, *own, *OTHERS], lambda: digest)
    assert [(i.kind, i.version, i.length) for i in listed] == [(k, v, len(p)) for k, v, p in layers]
    assert {i.state for i in listed} <= {"unknown", "valid", "damaged"}
    assert without_layers([*OTHERS, *own, *OTHERS]) == [*OTHERS, *OTHERS]
    assert layer_segments([*OTHERS, *own, *OTHERS]) == own


@pytest.mark.parametrize("size", [*range(63_870, 63_880), *range(127_850, 127_870)])
def test_no_segment_is_too_short_or_too_long(size: int) -> None:
    lengths = [len(payload) for _, payload in segments_of(Layer("big", 1, bytes(size)))]
    assert 28 <= min(lengths) <= max(lengths) <= 64_000
    assert len(lengths) == -(-(sum(lengths) - 16 * len(lengths)) // 63_984)


def test_widths_come_back() -> None:
    found = read_layers(segments_of(), DIGEST)
    assert found.widths is not None
    assert found.widths.dtype == np.float32
    np.testing.assert_array_equal(found.widths * 64, np.where(WIDTHS == 255, np.inf, WIDTHS))
    assert WIDTHS.max() == 255, "all beyond, which is no limit"
    assert found.preset == "restore"
    assert read_layers(segments_of(), DIGEST, 3).widths is not None
    assert read_layers(OTHERS, DIGEST).widths is None


def test_layers_that_cannot_be_written() -> None:
    for layer in (Layer("", 1, b""), Layer("ninechars", 1, b""), Layer("\xfc", 1, b""), Layer("a\0b", 1, b"")):
        with pytest.raises(SegmentError, match="1 to 8 ASCII characters, got"):
            build_layers(DIGEST, [layer])
    with pytest.raises(SegmentError, match=r"at most 255 layers .* got 256, 8$"):
        build_layers(DIGEST, [Layer("a", 1, b"")] * 256)


# States -------------------------------------------------------------------------------------------------------------


def test_a_layer_of_other_levels_is_stale_and_not_used() -> None:
    assert states(segments_of()) == [("widths", "valid")]
    assert states(segments_of(), b"87654321") == [("widths", "stale")]
    assert read_layers(segments_of(), b"87654321").widths is None


def test_unknown_kinds_and_versions_are_skipped() -> None:
    own = segments_of(Layer("hologram", 7, b"abc"), WIDTHS_LAYER._replace(version=2), WIDTHS_LAYER)
    assert states(own) == [("hologram", "unknown"), ("widths", "unknown"), ("widths", "valid")]
    assert read_layers(own, DIGEST).preset == "restore"
    assert states(own, b"87654321") == [("hologram", "stale"), ("widths", "stale"), ("widths", "stale")]


def test_a_later_format_is_unknown() -> None:
    own = with_content(b"\2" + content_of()[1:])
    (info,) = describe_layers(own, lambda: DIGEST)
    assert (info.kind, info.version, info.state) == ("", 2, "unknown")
    assert read_layers(own, DIGEST).widths is None


def test_a_damaged_layer_costs_itself_alone() -> None:
    own = segments_of(Layer("first", 1, bytes(50_000)), WIDTHS_LAYER, Layer("last", 1, bytes(50_000)))
    for damaged, expected in (
        ((0, 30_000), ["damaged", "valid", "unknown"]),
        ((1, 60_000 - 20), ["unknown", "valid", "damaged"]),
    ):
        number, at = damaged
        at = min(at, len(own[number][1]) - 1)
        broken = list(own)
        payload = bytearray(own[number][1])
        payload[at] ^= 1
        broken[number] = (0xEB, bytes(payload))
        assert [state for _, state in states(broken)] == expected
        with pytest.warns(LayerWarning, match="damaged layer .* kind '(first|last)'") as warned:
            assert read_layers(broken, DIGEST).preset == "restore"
        assert warned[0].filename == __file__


def test_a_missing_segment_costs_what_stood_behind_it() -> None:
    own = segments_of(WIDTHS_LAYER, *(Layer(f"part{i}", 1, bytes(50_000)) for i in range(4)))
    assert len(own) == 4
    assert [s for _, s in states(own[:3])] == ["valid", "unknown", "unknown", "damaged", "damaged"]
    assert [s for _, s in states([*own[:1], *own[2:]])] == ["valid", *["damaged"] * 4]
    assert [s for _, s in states([own[0], own[2], own[1], own[3]])] == ["valid", *["damaged"] * 4]
    assert states(own[1:]) == []


@pytest.mark.parametrize(
    "payload",
    [b"", b"\0", b"\5" + bytes(20), b"\3" + bytes(11), b"\1" + bytes(4) + b"r\xc3\xa9store"],
    ids=["empty", "no components", "five", "cut off", "no ASCII"],
)
def test_widths_that_make_no_sense_are_damaged(payload: bytes) -> None:
    own = segments_of(Layer("widths", 1, payload))
    assert states(own) == [("widths", "damaged")]
    with pytest.warns(LayerWarning):
        assert read_layers(own, DIGEST).widths is None


def test_widths_of_another_number_of_components_are_damaged() -> None:
    own = segments_of()
    for components, state in ((3, "valid"), (1, "damaged"), (4, "damaged"), (None, "valid")):
        (info,) = describe_layers(own, lambda: DIGEST, components)
        assert info.state == state
    assert describe_layers(own, lambda: b"87654321", 1)[0].state == "stale"
    with pytest.warns(LayerWarning, match="damaged layer .* kind 'widths'"):
        assert read_layers(own, DIGEST, 1).widths is None


def test_the_list_of_layers_is_guarded() -> None:
    content = content_of()
    for at in range(1, 10 + 18 + 4):
        broken = bytearray(content)
        broken[at] ^= 0x10
        assert states(with_content(bytes(broken))) == [("", "damaged")]
    for length in range(1, 32):
        assert states(with_content(content[:length])) == [("", "damaged")]
    assert states(with_content(b"")) == [("", "damaged")]


@pytest.mark.parametrize("name", [b"\xfc", b"", b"a\0b"])
def test_a_layer_whose_name_cannot_be_written_is_damaged(name: bytes) -> None:
    content = content_of(WIDTHS_LAYER, Layer("other", 1, b"abc"))
    head = bytearray(content[: 10 + 2 * 18])
    head[28:36] = name.ljust(8, b"\0")
    own = with_content(with_check(bytes(head)) + content[len(head) + 4 :])
    assert [state for _, state in states(own)] == ["valid", "damaged"]
    assert own_layers(own, DIGEST, 3) == [WIDTHS_LAYER]


def test_own_layers_leave_room_for_one() -> None:
    own = [*segments_of(*[WIDTHS_LAYER] * 200), *segments_of(*[Layer("other", 1, b"")] * 200)]
    kept = own_layers(own, DIGEST, 3)
    assert kept == [WIDTHS_LAYER] * 200 + [Layer("other", 1, b"")] * 54
    assert len(describe_layers(build_layers(DIGEST, [*kept, WIDTHS_LAYER]), lambda: DIGEST)) == 255


# Hostile files ------------------------------------------------------------------------------------------------------


def with_check(head: bytes) -> bytes:
    return head + struct.pack(">I", zlib.crc32(head))


def entry(length: int, name: bytes = b"widths\0\0") -> bytes:
    return struct.pack(">8sHII", name, 1, length, 0)


def box_of(length: int, number: int = 1) -> Segment:
    """A first segment whose superbox says a length."""
    payload = segments_of()[0][1]
    return 0xEB, payload[:4] + struct.pack(">II", number, length) + payload[12:]


HOSTILE: dict[str, Callable[[], list[Segment]]] = {
    "segments without a start": lambda: [(0xEB, b"JPSJ" + bytes(24))] * 50_000,
    "empty parts": lambda: [segments_of()[0], *[(0xEB, segments_of()[0][1][:16])] * 50_000],
    "many containers": lambda: segments_of() * 2_000,
    "lengths beyond the end": lambda: with_content(
        with_check(b"\1\xff" + DIGEST + entry(0xFFFFFFFF) * 255) + bytes(1_000_000)
    ),
    "overlapping layers": lambda: with_content(
        with_check(b"\1\xff" + DIGEST + entry(900_000) * 255) + bytes(1_000_000)
    ),
    "boxes of no length": lambda: jumbf.split(0x534A, DESCRIBED, bytes(1_000_000)),
    "boxes of 8 bytes": lambda: jumbf.split(0x534A, DESCRIBED, jumbf.box(b"free", b"") * 10_000),
    "a box that says it is longer": lambda: [box_of(0xFFFFFFFF)],
    "XLBox": lambda: [box_of(1), box_of(1, 2)],
    "a box to the end of the file": lambda: [box_of(0)],
    "a description that says it is longer": lambda: [
        (0xEB, p[:16] + b"\xff\xff\xff\xff" + p[20:]) for _, p in segments_of()
    ],
    "bare headers": lambda: [(0xEB, segments_of()[0][1][:n]) for n in range(120)],
    "all parts numbered alike": lambda: [segments_of()[0]] * 3,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.filterwarnings("ignore::saliency_jpeg.errors.LayerWarning")
def test_hostile_segments_take_memory_in_proportion(name: str) -> None:
    own = HOSTILE[name]()
    size = sum(len(payload) for _, payload in own)
    tracemalloc.start()
    listed = describe_layers(own, lambda: DIGEST)
    found = read_layers(own, DIGEST)
    without = without_layers(own)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * size + 200 * len(own) + 500 * len(listed) + 100_000
    assert sum(are_layers(own)) + len(without) == len(own)
    assert all(info.state != "stale" for info in listed)
    assert found.preset in (None, "restore")


def test_overlong_layers_hold_no_copies_of_each_other() -> None:
    listed = describe_layers(HOSTILE["overlapping layers"](), lambda: DIGEST)
    assert [info.state for info in listed] == ["damaged"] * 255


# Segments -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_a_new_file_has_no_layers_of_the_old_one(mode: str) -> None:
    own = segments_of(Layer("big", 1, bytes(150_000)), WIDTHS_LAYER)
    metadata = collect([*OTHERS, *own])
    built = build(metadata, mode, [segments.SegmentPattern(0xEB)])  # type: ignore[arg-type]
    assert not any(are_layers(built))
    assert [s for s in built if s[0] == 0xEB] == [s for s in OTHERS if s[0] == 0xEB]
    assert build(Metadata(extra=tuple(own))) == build(Metadata())


def test_parts_that_were_split_elsewhere_belong_to_the_container() -> None:
    """As GraphicsMagick does: one header, and segments of 65533 bytes."""
    own = segments_of(Layer("big", 1, bytes(150_000)))
    whole = own[0][1] + b"".join(p[16:] for _, p in own[1:])
    split = [(0xEB, whole[at : at + 65_533]) for at in range(0, len(whole), 65_533)]
    assert len(split) == 3
    assert without_layers([*OTHERS, *split, (0xEB, b"HDR_RI ver=11")]) == [*OTHERS, (0xEB, b"HDR_RI ver=11")]
    assert states(split) == [("big", "damaged")]


HDR: Segment = (0xEB, b"HDR_RI ver=11")  # JPEG-HDR, in APP11 too


@pytest.mark.parametrize("between", [[], [(0xFE, b"a remark")]], ids=["directly", "further on"])
def test_what_follows_a_damaged_container_is_not_part_of_it(between: list[Segment]) -> None:
    own = segments_of(Layer("big", 1, bytes(150_000)))
    payload = own[0][1]
    lies = (0xEB, payload[:8] + b"\xff\xff\xff\xff" + payload[12:])
    for damaged in (own[:1], own[:2], [own[0], own[2]], [lies], [(0xEB, payload[:100])]):
        assert without_layers([*OTHERS, *damaged, *between, HDR, HDR]) == [*OTHERS, *between, HDR, HDR]
    whole = payload + b"".join(p[16:] for _, p in own[1:])
    cut_off = [(0xEB, whole[:65_533]), (0xEB, whole[65_533:100_000])]  # as GraphicsMagick splits
    assert without_layers([*cut_off, *between, HDR]) == [*between, HDR]
    assert without_layers([cut_off[0], (0xFE, b"a remark"), HDR]) == [(0xFE, b"a remark"), HDR]


@pytest.mark.slow
def test_a_million_segments_are_read_to_the_end() -> None:
    head = segments_of()[0][1][:16]
    own = [*segments_of(), *[(0xEB, head)] * 500_000, *[(0xEB, b"JPSJ" + bytes(24))] * 500_000, *segments_of()]
    assert states(own) == [("widths", "valid")] * 2
    assert len(without_layers(own)) == 500_000


def test_layers_without_end_are_not_all_looked_at() -> None:
    """A file of a few megabytes could hold a million, each with a warning."""
    many = segments_of(*[Layer("size", 1, b"")] * 255) * 40
    assert len(describe_layers(many, lambda: DIGEST)) == 4096
    assert read_layers([*segments_of(), *many], DIGEST, kind="widths").preset == "restore"
