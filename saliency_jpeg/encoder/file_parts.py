"""What a file has beside the levels of its picture: metadata, layers, trailing images, and the frame's own facts."""

from __future__ import annotations

import struct
from typing import Final

from ..codec.jpeg import JpegHeaderPolicy
from ..codec.layers import SizeLayer, WidthsLayer
from ..errors import OptionError
from ..image.picture import Picture
from ..metadata import jpeg_metadata, segments
from ..options import Options
from .coding import Coding

__all__ = ["FileParts"]

_RGB_IDS: Final = tuple(b"RGB")  # by which decoders know it without a marker
# Version 100, flags, and transform 0: the components are no YCbCr (Adobe technical note 5116).
_ADOBE_RGB: Final = (segments.APP14, segments.ADOBE_HEADER + struct.pack(">HHHB", 100, 0, 0, 0))


class FileParts:
    """The same for every encoding of one picture.

    Args:
        options: what is asked for.
        picture: with the metadata to write.
        coding: what a front door asks for beyond that.
        keeps_rgb: whether the components are red, green and blue.

    Raises:
        OptionError: there is a density, which needs a JFIF header, and ``keeps_rgb``.
    """

    def __init__(self, options: Options, picture: Picture, coding: Coding, *, keeps_rgb: bool) -> None:
        self._options, self._picture, self._coding, self._keeps_rgb = options, picture, coding, keeps_rgb
        height, width = picture.pixels.shape[:2]
        self._size = (height, width)
        self._segments = self._build_segments()

    def header(self) -> JpegHeaderPolicy:
        """Returns what is written around the scans."""
        options, given = self._options, self._coding.tables
        trailing = self._picture.behind(options.metadata)
        return JpegHeaderPolicy(
            size=self._size,
            segments=[*self._segments, *(trailing.segments if trailing is not None else [])],
            level_segments=[*self._coding.level_segments, *self._layers],
            level_bytes=self._layer_bytes,
            trailing=trailing,
            progressive=options.progressive,
            restart_interval=options.restart_interval,
            component_ids=_RGB_IDS if self._keeps_rgb else None,
            table_count=None if given is None else len(given),
        )

    @property
    def metadata_bytes(self) -> int:
        """Bytes of segments beyond the JFIF header, of layers, and of trailing images."""
        trailing = self._picture.behind(self._options.metadata)
        own = segments.encoded_size(self._segments[1:]) + self._layer_bytes
        return own + (0 if trailing is None else len(trailing.tail))

    @property
    def _layers(self) -> list[WidthsLayer | SizeLayer]:
        layers: list[WidthsLayer | SizeLayer] = []
        if self._options.layers is not None:
            layers.append(WidthsLayer(self._size))
        if self._coding.whole_size is not None:
            layers.append(SizeLayer(self._size, self._coding.whole_size))
        return layers

    @property
    def _layer_bytes(self) -> int:
        components = 1 if self._picture.pixels.ndim == 2 else 3
        return sum(layer.encoded_size(components) for layer in self._layers)

    def _build_segments(self) -> list[segments.Segment]:
        metadata, options = self._picture.metadata, self._options
        built = jpeg_metadata.build(metadata, options.metadata, options.kept_segments)
        if not self._keeps_rgb:
            return built
        if metadata.density is not None:
            raise OptionError(
                "dpi does not go with keep_rgb: decoders take a file with a JFIF header for YCbCr, "
                f"got {metadata.density[1:]}"
            )
        return [_ADOBE_RGB, *built[1:]]
