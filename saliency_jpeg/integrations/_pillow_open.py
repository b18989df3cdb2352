"""Pillow's ``Image.open`` with this decoder; see :mod:`.pillow`."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image, ImageFile

from ..enhance import Decoder
from ..enhance.enlarging import half_size
from ..errors import InputError, OptionError
from ..metadata.jpeg_source import JpegSource, is_jpeg

__all__ = ["JpegImage", "accepts"]


def accepts(prefix: bytes) -> bool:
    """Returns whether a file that begins so is a JPEG file."""
    return is_jpeg(prefix)


class JpegImage(ImageFile.ImageFile):
    """A JPEG file that Pillow has opened; decoded when its pixels are asked for.

    Of a picture of which the file has half on each side, ``size`` is that of the file until then.

    Attributes:
        decoder: decodes the file. Another one may be set before the pixels are asked for; it must have
            ``dtype=np.uint8`` and ``orientation="keep"``, else they raise an OptionError.
        applist: the APPn and COM segments, as in Pillow's own images of JPEG files.
    """

    format = "SALIENCY_JPEG"
    format_description = "JPEG, decoded by saliency_jpeg"

    def _open(self) -> None:
        self.decoder = Decoder(orientation="keep")
        assert self.fp is not None
        self._data = self.fp.read()
        if not is_jpeg(self._data):
            raise SyntaxError("not a JPEG file")
        header = JpegSource(self._data).header
        if header is None:
            raise InputError("the header of this JPEG file is damaged")
        with Image.open(io.BytesIO(self._data), formats=["JPEG"]) as plain:
            self._size = plain.size
            self.info = dict(plain.info)
            self.applist: list[tuple[str, bytes]] = getattr(plain, "applist", [])
        self._mode = "L" if header.colour == "gray" else "RGB"
        if header.colour == "cmyk":
            self.info.pop("icc_profile", None)

    def load(self) -> Any:
        """Decodes the file, once."""
        if self._im is None:
            self.im = self._decode().im
            self._data = b""
            if self._exclusive_fp and self.fp is not None:
                self.fp.close()
            self.fp = None
        return Image.Image.load(self)

    def _decode(self) -> Image.Image:
        pixels = self.decoder.decode(self._data)
        plain = Image.fromarray(pixels) if pixels.dtype == np.uint8 else None
        if plain is None or plain.mode != self._mode or self._size not in (plain.size, half_size(plain.size)):
            got = f"{pixels.dtype} pixels of shape {pixels.shape}"
            raise OptionError(f"image.decoder must have dtype=np.uint8 and orientation='keep', got {got}")
        self._size = plain.size
        return plain
