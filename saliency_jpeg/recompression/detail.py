"""Moves the high frequencies of a JPEG file into a layer, and back among its levels. Both ways nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence

from ..codec import _core
from ..codec.layers import digest_of, whole_image, without_detail
from ..image.load import load_jpeg
from ..image.picture import Picture
from ..metadata import layers, multi_picture, segments
from ..metadata.jpeg_source import JpegSource
from ..metadata.layer_kinds import Layer, detail_layer
from ..metadata.segments import Span
from .layers import FileInput, read_file
from .rewriting import write_levels

__all__ = ["merge_layers", "separate_detail", "whole_picture", "with_layer"]


def separate_detail(jpeg: bytes, firsts: Sequence[int], *, choice_blocks: int = 0, threads: int = 1) -> bytes:
    """Moves the levels of high frequencies of a file into a layer; its other layers stay valid.

    Args:
        jpeg: the file, without such a layer.
        firsts: where they begin in each component, in zigzag order, 1 to 64.
        choice_blocks: about how many blocks of a component its scans are chosen by; 0: all.
        threads: that may work on the file at once.

    Returns:
        The file, in the form (progressive or baseline, restart markers) that it had.

    Raises:
        InputError: damaged, or a kind of JPEG that is not read.
    """
    data, spans = read_file(jpeg)
    image = _core.read_jpeg(data, None)
    base, detail = without_detail(image, firsts)
    made = layers.build_layers(digest_of(base), [*_other_layers(image), detail_layer(detail)])
    return _followed(_rewritten(base, made, choice_blocks=choice_blocks, threads=threads), data, spans)


def with_layer(jpeg: bytes, layer: Layer, *, choice_blocks: int = 0, threads: int = 1) -> bytes:
    """Adds a layer to a file; its other layers stay.

    Args:
        jpeg: the file, without such a layer.
        layer: made for its levels.
        choice_blocks: as for :func:`separate_detail`.
        threads: likewise.

    Returns:
        The file, in the form that it had.

    Raises:
        InputError: damaged, or a kind of JPEG that is not read.
    """
    data, spans = read_file(jpeg)
    image = _core.read_jpeg(data, None)
    made = layers.build_layers(digest_of(image), [*_other_layers(image, None), layer])
    return _followed(_rewritten(image, made, choice_blocks=choice_blocks, threads=threads), data, spans)


def merge_layers(jpeg: FileInput) -> bytes:
    """Puts the detail of a file's layer back among its levels, so that any program shows the whole picture.

    A file without such a layer comes back as it is. Other layers stay where they are made for its levels.

    Args:
        jpeg: path, bytes or binary file object.

    Returns:
        The file.

    Raises:
        InputError: not a JPEG file, damaged, or of a kind that is not read.
        OSError: a path cannot be read.
    """
    data, spans = read_file(jpeg)
    if not any(layers.are_layers(segments.payloads(data, spans))):
        return data
    image = _core.read_jpeg(data, None)
    whole = whole_image(image)
    if whole is image:
        return data
    others = _other_layers(image)
    made = layers.build_layers(digest_of(whole), others) if others else []
    return _followed(_rewritten(whole, made), data, spans)


def whole_picture(picture: Picture, max_pixels: int | None) -> Picture:
    """Returns a loaded picture with the pixels that its file and the detail in its layer make together.

    Args:
        picture: as loaded, by a decoder that knows no layers.
        max_pixels: most pixels of a file.
    """
    source = picture.source
    if source is None or picture.given_size is not None or not any(layers.are_layers(source.segments)):
        return picture
    merged = merge_layers(source.data)
    return (
        picture
        if merged is source.data
        else picture._replace(pixels=load_jpeg(JpegSource(merged), max_pixels=max_pixels).pixels)
    )


def _other_layers(image: _core.JpegImage, kind: str | None = "detail") -> list[Layer]:
    """The layers that are made for a file, but for those of a kind."""
    own = layers.own_layers(image.segments, digest_of(image), len(image.levels))
    return [layer for layer in own if layer.kind != kind]


def _rewritten(
    image: _core.JpegImage, made: Sequence[segments.Segment], *, choice_blocks: int = 0, threads: int = 1
) -> bytes:
    """The levels and segments of a file, with these layers in place of its own."""
    kept = layers.without_layers(image.segments)
    return write_levels(
        image,
        [*kept, *made],
        progressive=image.progressive,
        restart_interval=image.restart_interval,
        choice_blocks=choice_blocks,
        threads=threads,
    )


def _followed(primary: bytes, jpeg: bytes, spans: Sequence[Span]) -> bytes:
    """A new primary image with the images that follow that of a file."""
    trailing = multi_picture.find_trailing(jpeg, spans, everything=True)
    return primary if trailing is None else trailing.append_to(primary)
