"""Pillow: writes JPEG files with this encoder through ``image.save``, and reads them with this decoder.

Replaces ``image.save(..., format="JPEG")``. By format name, for a single call::

    import saliency_jpeg.integrations.pillow
    image.save("photo.jpg", format="SALIENCY_JPEG", target_kb=50)

or for every JPEG file, those of imageio and scikit-image included, which save through Pillow::

    saliency_jpeg.integrations.pillow.install(target_kb=50)  # the whole process, until uninstall()
    with saliency_jpeg.integrations.pillow.takeover(strength=0.8):  # this thread or task only
        image.save("photo.jpg")

Replaces ``Image.open(path)`` where the format is named, and nowhere else::

    image = Image.open("photo.jpg", formats=["SALIENCY_JPEG"])  # restored
    image.decoder = saliency_jpeg.Decoder(enhance=None, orientation="keep")  # optional, before the pixels are used

Honours all of Pillow's JPEG save options with Pillow's meaning, and the fields of :class:`saliency_jpeg.Options`.

- ``optimize`` changes nothing: Huffman tables are always optimal.
- ``quality="keep"`` rounds to the source's tables and does not optimize for size.
- Defaults: ``"SALIENCY_JPEG"`` has those of :class:`saliency_jpeg.Options` (progressive, automatic subsampling). A
  replaced ``"JPEG"`` has Pillow's (baseline, 4:2:0), unless ``install`` or ``takeover`` was given others.
- Metadata: as in Pillow, only what a keyword gives is written, and the image's comment. ``metadata="keep"`` or
  ``"safe"`` also takes it from the image.
- Modes: ``"SALIENCY_JPEG"`` accepts what :func:`saliency_jpeg.compress` accepts except CMYK, and flattens transparency
  on ``background``. A replaced ``"JPEG"`` leaves CMYK and the modes that Pillow refuses to Pillow.
- MPO files are always written by Pillow.

Raises ``OptionError`` for an unknown keyword, for a ``streamtype`` other than 0, for several frames in one file
(``append_images``, ``save_all``), and for keywords that exclude each other.

Pillow truncates the output file before it calls any encoder. To keep an existing file when encoding fails, write the
result of :func:`encode` yourself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from threading import RLock
from typing import IO, Any, Final

import numpy as np

# Both modules register the handlers replaced below. If Image.preinit() or init() imported them later, they would
# overwrite ours.
from PIL import Image, JpegImagePlugin, MpoImagePlugin

from ..errors import InputError, OptionError
from ..image.load import load
from ._compat import OPTION_NAMES
from ._compat import encode as encode_request
from ._pillow_open import JpegImage, accepts
from ._pillow_save_options import PILLOW_KEYWORDS, PILLOW_MODES, translate

__all__ = ["FORMAT", "encode", "encode_as_pillow", "install", "register", "takeover", "uninstall"]

FORMAT: Final = "SALIENCY_JPEG"

_SaveHandler = Callable[[Image.Image, IO[bytes], str | bytes], None]
_OWN_KEYWORDS: Final = frozenset(OPTION_NAMES) - frozenset(PILLOW_KEYWORDS)
_SYNONYMS: Final = (
    {"progressive", "progression"},
    {"restart_marker_blocks", "restart_marker_rows", "restart_interval"},
)
_PILLOW_DEFAULTS: Final = {"subsampling": "4:2:0", "progressive": False}


def encode(image: Image.Image, **keywords: Any) -> bytes:
    """Returns the file that ``image.save(..., format="SALIENCY_JPEG", **keywords)`` writes.

    Args:
        image: of any mode but CMYK.
        **keywords: Pillow's JPEG save options and the fields of :class:`saliency_jpeg.Options`.

    Raises:
        InputError: the image's mode is CMYK or cannot be converted.
        OptionError: a keyword is unknown, a value is out of range, or two keywords exclude each other.
        SegmentError: metadata does not fit into a JPEG file.
        TargetError: no encoding meets the target.
    """
    if image.mode == "CMYK":
        raise InputError("mode CMYK is not supported; convert the image to RGB, or save with format='JPEG', got CMYK")
    request, metadata = translate(image, keywords)
    picture = load(image, background=request.options.background, max_pixels=request.options.max_pixels)
    return encode_request(picture._replace(metadata=metadata), request)


def encode_as_pillow(
    image: Image.Image, keywords: Mapping[str, Any], defaults: Mapping[str, Any] | None = None
) -> bytes:
    """Returns the file that a replaced ``"JPEG"`` writes: Pillow's defaults, and only the modes that Pillow writes.

    Args:
        image: of a mode that Pillow saves as JPEG, except CMYK; with ``background=`` of any mode but CMYK.
        keywords: as for :func:`encode`.
        defaults: used for keywords that are not given; None: Pillow's.

    Raises:
        InputError: another mode, or an image with alpha and no ``background=``.
        OptionError: as :func:`encode`.
        SegmentError: as :func:`encode`.
        TargetError: as :func:`encode`.
    """
    if image.mode not in PILLOW_MODES:
        if "background" not in keywords:
            raise InputError(f"cannot write mode {image.mode} as JPEG; background= would flatten transparency")
        return encode(image, **_merge_keywords(_PILLOW_DEFAULTS, keywords))
    request, metadata = translate(image, _merge_keywords(_PILLOW_DEFAULTS if defaults is None else defaults, keywords))
    picture = load(np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB")))
    return encode_request(picture._replace(metadata=metadata), request)


def _save(image: Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    file.write(encode(image, **image.encoderinfo))


def _save_all(image: Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise OptionError(
            f"save_all is not supported: a JPEG file holds one image; save with format='MPO', got {frames} frames"
        )
    _save(image, file, filename)


def register(*extensions: str) -> None:
    """Registers the format with Pillow. Importing this module does so without file name extensions.

    Args:
        *extensions: such as ``".jpg"``; files with these names are then written in this format by default. With none,
            ``save("x.jpg")`` stays Pillow's own.
    """
    Image.OPEN[FORMAT] = JpegImage, accepts  # not in Image.ID, so that open() never takes it unless it is named
    Image.register_save(FORMAT, _save)
    Image.register_save_all(FORMAT, _save_all)
    Image.register_mime(FORMAT, "image/jpeg")
    Image.register_extensions(FORMAT, list(extensions))


# Replacing Pillow's own "JPEG" ---------------------------------------------------------------------------------------

_LOCK: Final = RLock()
_BYPASS: Final[Mapping[str, Any]] = {}  # value of _scope while an encoder is running: nested saves are Pillow's
_scope: ContextVar[Mapping[str, Any] | None] = ContextVar("saliency_jpeg.integrations.pillow", default=None)


class _Takeover:
    """The state of the replacement, process-wide.

    Attributes:
        installed: defaults given to :func:`install`; None: not installed.
        scopes: number of :func:`takeover` blocks that are active in any thread.
        patched: whether Pillow's handlers are replaced.
        jpeg: the handler of ``"JPEG"`` before the replacement.
        mpo: the handler of ``"MPO"`` with ``save_all`` before the replacement.
    """

    def __init__(self) -> None:
        self.installed: Mapping[str, Any] | None = None
        self.scopes = 0
        self.patched = False
        self.jpeg: _SaveHandler = JpegImagePlugin._save
        self.mpo: _SaveHandler = MpoImagePlugin._save_all

    def update(self) -> None:
        """Replaces or restores the handlers as needed.

        If another library has replaced ours since, they stay where they are and pass every call on.
        """
        wanted = self.installed is not None or self.scopes > 0
        if wanted and not self.patched:
            self.jpeg, self.mpo = Image.SAVE["JPEG"], Image.SAVE_ALL["MPO"]
            Image.SAVE["JPEG"], Image.SAVE_ALL["MPO"] = _save_jpeg, _save_mpo
            self.patched = True
        elif not wanted and Image.SAVE["JPEG"] is _save_jpeg and Image.SAVE_ALL["MPO"] is _save_mpo:
            Image.SAVE["JPEG"], Image.SAVE_ALL["MPO"] = self.jpeg, self.mpo
            self.patched = False


_state: Final = _Takeover()


def install(**defaults: Any) -> None:
    """Replaces Pillow's ``"JPEG"`` in the whole process. A second call replaces the defaults.

    Args:
        **defaults: keywords for every save that does not give them itself.

    Raises:
        OptionError: as :func:`encode`.
    """
    checked = _check_defaults(defaults)
    with _LOCK:
        _state.installed = checked
        _state.update()


def uninstall() -> None:
    """Undoes :func:`install`; does nothing if it was not called."""
    with _LOCK:
        _state.installed = None
        _state.update()


@contextmanager
def takeover(**defaults: Any) -> Iterator[None]:
    """Replaces Pillow's ``"JPEG"`` inside a ``with`` statement, in this thread or task only.

    Blocks may be nested, and used together with :func:`install`; the innermost one applies.

    Args:
        **defaults: keywords for every save that does not give them itself.

    Raises:
        OptionError: as :func:`encode`.
    """
    token = _scope.set(_check_defaults(defaults))
    _count_scopes(1)
    try:
        yield
    finally:
        _count_scopes(-1)
        _scope.reset(token)


def _count_scopes(change: int) -> None:
    with _LOCK:
        _state.scopes += change
        _state.update()


def _check_defaults(defaults: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the defaults on top of Pillow's, checked on an image of one pixel."""
    translate(Image.new("L", (1, 1)), defaults)
    return {**_PILLOW_DEFAULTS, **defaults}


@contextmanager
def _bypass() -> Iterator[None]:
    """Leaves nested saves to Pillow."""
    token = _scope.set(_BYPASS)
    try:
        yield
    finally:
        _scope.reset(token)


def _save_jpeg(image: Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    """Replaces ``Image.SAVE["JPEG"]``."""
    defaults = _scope.get()
    if defaults is None:
        defaults = _state.installed
    if defaults is None or defaults is _BYPASS or not _is_supported(image, defaults):
        _state.jpeg(image, file, filename)
        return
    with _bypass():
        jpeg = encode_as_pillow(image, image.encoderinfo, defaults)
    file.write(jpeg)


def _save_mpo(image: Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    """Replaces ``Image.SAVE_ALL["MPO"]``, which saves each of its images as ``"JPEG"``."""
    with _bypass():
        _state.mpo(image, file, filename)


def _is_supported(image: Image.Image, defaults: Mapping[str, Any]) -> bool:
    if image.mode in PILLOW_MODES:
        return True
    own = _OWN_KEYWORDS & image.encoderinfo.keys() or {"target_kb"} & defaults.keys()
    if image.mode == "CMYK" and own:
        raise OptionError(
            f"mode CMYK is written by Pillow, which has no {', '.join(sorted(own))}; convert to RGB, got mode 'CMYK'"
        )
    return False


def _merge_keywords(defaults: Mapping[str, Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Returns defaults overridden by a call's keywords.

    A default is also left out where a keyword means the same, excludes it, or sets it by a preset's name.
    """
    hidden: set[str] = set()
    for names in _SYNONYMS:
        if keywords.keys() & names:
            hidden |= names
    if isinstance(keywords.get("quality"), str):
        hidden |= {"subsampling", "qtables"}
    if keywords.get("qtables") is not None:
        hidden.add("quality")
    if keywords.get("keep_rgb"):
        hidden.add("subsampling")
    if keywords.get("target_score") is not None:
        hidden |= {"target_kb", "quality"}
    elif any(keywords.get(name) is not None for name in ("quality", "target_kb", "qtables")):
        hidden |= {"target_score", "target_metric"}
    return {**{name: value for name, value in defaults.items() if name not in hidden}, **keywords}


register()
