"""The orientation that a decoder applies to the pixels before anyone sees them.

Pillow turns TIFF pictures and pillow-heif turns HEIC pictures; both take the orientation out of the metadata, and leave
all else as it describes the picture that was stored.
"""

from __future__ import annotations

from typing import Any, Final

from PIL import Image, ImageFile

__all__ = ["applied_orientation", "note_orientation", "tag"]

_MARK: Final = "_saliency_jpeg_turned"
_ORIENTATION, _WIDTH, _HEIGHT = 0x0112, 0x0100, 0x0101
_ON_ITS_SIDE: Final = 6  # any of 5 to 8: how a picture was turned that was loaded elsewhere is not known


def tag(image: Image.Image, number: int) -> Any:
    """Returns the value of a tag of a TIFF picture, or ``None`` where it is absent or damaged.

    Args:
        image: opened, of any format.
        number: of the tag.
    """
    try:
        return getattr(image, "tag_v2", {}).get(number)
    except Exception:  # Pillow parses values late, and raises many kinds on damaged ones
        return None


def note_orientation(image: Image.Image, *, ignore_xmp: bool = False) -> None:
    """Notes how Pillow is going to turn a TIFF picture; other images are left alone.

    Args:
        image: not decoded yet.
        ignore_xmp: where the file has no tag, do not let Pillow take the orientation of XMP, which viewers ignore.
    """
    if not hasattr(image, "tag_v2"):
        return
    value = tag(image, _ORIENTATION)
    setattr(image, _MARK, (image.tell(), value if value in range(1, 9) else 1))
    if value is None and ignore_xmp:
        try:
            image.getexif()[_ORIENTATION] = 1
        except Exception:  # Pillow's EXIF parser raises many kinds; decoding says what is wrong
            return


def applied_orientation(image: Image.Image) -> int:
    """Returns the orientation, 1 to 8, that was applied to the pixels of an image and is no longer in its metadata.

    Args:
        image: decoded. Of a copy nothing is known, and 1 is returned.
    """
    current = _frame_of(image)
    if current is None:
        return 1
    frame, noted = getattr(image, _MARK, (current, image.info.get("original_orientation")))
    if noted is not None and frame == current:
        return noted if noted in range(1, 9) else 1
    stored = tag(image, _WIDTH), tag(image, _HEIGHT)
    return _ON_ITS_SIDE if stored != image.size and stored[::-1] == image.size else 1


def _frame_of(image: Image.Image) -> int | None:
    """The number of the frame in the file, or ``None`` for a copy."""
    if not isinstance(image, ImageFile.ImageFile):
        return None
    try:
        return int(image.tell())
    except AttributeError:  # pickled or deeply copied: of the same class, without what the class needs
        return None
