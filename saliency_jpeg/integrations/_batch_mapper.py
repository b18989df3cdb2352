"""Saliency maps as a column of a table, so that workers with a GPU compute them and others encode."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..encoder.encoder import Encoder
from ..errors import OptionError, PresetError
from ..image.load import ImageSource
from ..image.picture import Picture
from ..options import Options
from ..saliency.lazy_map import SaliencyMap
from ..saliency.sources import has_preset, resolve_many
from ..saliency.tensorflow_runtime import has_gpu
from ._dataframes import append_column, read_rows

__all__ = ["CONFIGURATION_ERRORS", "MAP_COLUMN", "BatchMapper", "pack_map", "unpack_map"]

MAP_COLUMN: Final = "saliency"
CONFIGURATION_ERRORS: Final = (OptionError, PresetError)  # every image would meet them


class BatchMapper:
    """Adds a column of saliency maps to a table of images, on workers that have a GPU.

    :class:`.batch.BatchCompressor` takes the maps from that column, ``saliency``, and then needs no network. Maps are
    compressed with zlib. An image without a map gets it, or the error that prevented it, in the compressor.
    """

    def __init__(
        self, options: Options | None = None, *, data: str = "bytes", workers: int = 1, **changes: Any
    ) -> None:
        """Creates the callable.

        Args:
            options: the same as for the :class:`.batch.BatchCompressor` that follows.
            data: column with the image: the bytes of a file, or its path as a string.
            workers: threads that decode.
            **changes: single fields of ``options``.

        Raises:
            OptionError: an option is unknown or out of range.
        """
        self._encoder = Encoder(options, **changes)
        self._data, self._workers = data, workers

    def use_gpu(self) -> None:
        """Makes a preset's network run by TensorFlow on the GPU where it finds one, unless another device is asked for.

        Without a device LiteRT would run it on the processor.
        """
        options = self._encoder.options
        if options.device is None and has_preset(options.saliency) and has_gpu():
            self._encoder = Encoder(options, device="gpu")

    def __call__(self, batch: Any) -> Any:
        """Returns the batch with its maps.

        Raises:
            InputError: a column is missing.
            PresetError: the saliency preset is unknown or damaged.
        """
        sources = [row.get(self._data) for row in read_rows(batch, (self._data,))]
        with ThreadPoolExecutor(self._workers) as pool:
            pictures = list(pool.map(self._load, sources))
            maps = iter(self._compute_maps([picture for picture in pictures if picture is not None]))
            made = [None if picture is None else next(maps) for picture in pictures]
            packed = pool.map(lambda one: None if one is None else pack_map(one.pixels), made)
            return append_column(batch, MAP_COLUMN, list(packed))

    def _load(self, source: ImageSource) -> Picture | None:
        """Loads an image; None where it needs no map or cannot be decoded, which the compressor reports."""
        try:
            picture = self._encoder.load(source)
            return picture if self._encoder.passed(picture) is None else None
        except Exception:
            return None

    def _compute_maps(self, pictures: Sequence[Picture]) -> Sequence[SaliencyMap | None]:
        """Computes maps in one batch; where that fails, one by one, so that only the failing image has none."""
        options = self._encoder.options
        try:
            return resolve_many(options.saliency, pictures, device=options.device)
        except CONFIGURATION_ERRORS:
            raise
        except Exception:
            if len(pictures) <= 1:
                return [None] * len(pictures)
            return [saliency for picture in pictures for saliency in self._compute_maps([picture])]


def pack_map(saliency: NDArray[np.float32] | None) -> bytes | None:
    """Compresses a map.

    Args:
        saliency: float32 (H, W) in [0, 1], a multiple of 1/255 everywhere; None: no map.

    Returns:
        The differences of its 8-bit values between rows and columns, mostly zero, compressed with zlib.
    """
    if saliency is None:
        return None
    levels = np.rint(saliency * np.float32(255)).astype(np.uint8)
    levels[1:] -= levels[:-1].copy()  # modulo 256
    levels[:, 1:] -= levels[:, :-1].copy()
    return zlib.compress(levels.data, 1)


def unpack_map(packed: bytes, picture: Picture) -> NDArray[np.float32]:
    """Returns the map that :func:`pack_map` compressed.

    Args:
        packed: the compressed map.
        picture: the picture it belongs to, of the same height and width.

    Returns:
        float32 (H, W) in [0, 1].
    """
    height, width = picture.pixels.shape[:2]
    unpacked = zlib.decompressobj().decompress(packed, height * width)  # no more, whatever the data say
    levels = np.frombuffer(unpacked, np.uint8).reshape(height, width)
    levels = levels.cumsum(axis=1, dtype=np.uint8).cumsum(axis=0, dtype=np.uint8)
    return levels.astype(np.float32) / np.float32(255)
