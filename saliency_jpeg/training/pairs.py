"""Images and masks for training: pairs of files, and how one pair is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..batch.plan import images_in
from ..errors import InputError
from ..evaluation.saliency_benchmark import MaskSample
from ..image.load import load
from ..image.orientation import rotate
from ..io import full_package
from ..saliency.given import read_map

__all__ = ["Pairs", "pair", "read_pair", "read_sample"]

_TOLERANCE: Final = 0.02  # between the aspect ratios of an image and its mask


class Pairs(NamedTuple):
    """Images and masks of two folders.

    Attributes:
        images: files with a mask.
        masks: their masks, in the same order.
        images_alone: files of the first folder without a mask.
        masks_alone: files of the second folder without an image.
    """

    images: list[Path]
    masks: list[Path]
    images_alone: list[Path]
    masks_alone: list[Path]


def pair(images: str | os.PathLike[str], masks: str | os.PathLike[str]) -> Pairs:
    """Pairs the files of two folders that have the same relative path except for the suffix.

    Args:
        images: folder of images, with its subfolders.
        masks: folder of masks, with its subfolders.

    Raises:
        InputError: no image has a mask, two files of a folder have one name, or the folders are the same.
        OSError: a folder cannot be read.
    """
    if os.path.realpath(images) == os.path.realpath(masks):
        raise InputError(f"images and masks must be in different folders, got {os.fspath(images)} for both")
    image_files, mask_files = _by_stem(Path(images)), _by_stem(Path(masks))
    common = sorted(image_files.keys() & mask_files.keys())
    if not common:
        counts = f"{len(image_files)} images and {len(mask_files)} masks"
        raise InputError(f"no image in {images} has a mask of the same name in {masks}, got {counts}")
    alone = ([files[stem] for stem in sorted(files.keys() - set(common))] for files in (image_files, mask_files))
    return Pairs([image_files[stem] for stem in common], [mask_files[stem] for stem in common], *alone)


def _by_stem(folder: Path) -> dict[Path, Path]:
    """Returns the image files of a folder by their relative path without suffix."""
    files: dict[Path, Path] = {}
    for path in images_in(folder):
        stem = path.relative_to(folder).with_suffix("")
        if stem in files:
            raise InputError(f"{files[stem]} and {path} have the same name without suffix; remove one of them")
        files[stem] = path
    return files


def read_pair(image: Any, mask: Any) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Reads an image and its mask and turns both upright.

    Args:
        image: whatever :func:`saliency_jpeg.image.load.load` takes.
        mask: whatever :func:`saliency_jpeg.saliency.given.read_map` takes, of any size with the image's aspect ratio.

    Returns:
        uint8 (H, W) or (H, W, 3), and the mask as float32 (H, W) in [0, 1].

    Raises:
        InputError: one cannot be read, or the aspect ratios differ by more than 2 % (and a pixel).
    """
    cv2 = full_package.load("cv2", "training")

    picture = _with_name(load, image)
    saliency = _with_name(read_map, mask)
    (rows, cols), (height, width) = saliency.shape, picture.pixels.shape[:2]
    if abs(cols - rows * width / height) > max(1, _TOLERANCE * cols):
        name, size = f"{_name(mask)}: " if _name(mask) else "", f"{width} x {height}"
        raise InputError(f"{name}a mask must have the aspect ratio of its image ({size}), got {cols} x {rows}")
    if (rows, cols) != (height, width):
        interpolation = cv2.INTER_AREA if height < rows else cv2.INTER_LINEAR
        saliency = np.clip(cv2.resize(saliency, (width, height), interpolation=interpolation), 0, 1)
    orientation = picture.metadata.orientation
    upright, upright_mask = (np.ascontiguousarray(rotate(v, orientation)) for v in (picture.pixels, saliency))
    return upright, upright_mask


def read_sample(image: Any, mask: Any) -> MaskSample | None:
    """Reads an image and its mask for scoring.

    Args:
        image: as for :func:`read_pair`.
        mask: as for :func:`read_pair`.

    Returns:
        The image with the mask cut at 0.5; None where the mask has no object or no background.
    """
    rgb, saliency = read_pair(image, mask)
    inside = saliency > 0.5
    return MaskSample(_name(image), rgb, inside) if inside.any() and not inside.all() else None


def _with_name(read: Callable[[Any], Any], source: Any) -> Any:
    """Calls ``read``; the error begins with the name of the file, if it is one."""
    try:
        return read(source)
    except InputError as error:
        name = _name(source)
        raise InputError(f"{name}: {error}" if name else str(error)) from error


def _name(source: Any) -> str:
    return os.fspath(source) if isinstance(source, str | os.PathLike) else ""
