"""Pillow writes its JPEG files with this encoder.

By name::

    import saliency_jpeg.integrations.pillow
    image.save("photo.jpg", format="SALIENCY_JPEG", target_kb=50)

or everywhere, imageio and scikit-image included, which save through Pillow::

    saliency_jpeg.integrations.pillow.install(target_kb=50)  # until uninstall()
    with saliency_jpeg.integrations.pillow.takeover(strength=0.8):  # this thread only
        image.save("photo.jpg")

All of Pillow's JPEG keywords have Pillow's meaning, and the fields of :class:`saliency_jpeg.Options` are keywords too.
An unknown keyword is an error. ``streamtype`` can only be 0, and ``optimize`` changes nothing: Huffman tables are
always optimal. ``quality="keep"`` rounds to the tables of the source and trades nothing for bytes.

Where a keyword is absent, ``"SALIENCY_JPEG"`` has the default of :class:`saliency_jpeg.Options` (progressive, chroma by
the picture), and a taken-over ``"JPEG"`` has Pillow's (baseline, 4:2:0), unless ``install`` was given another.
As in Pillow, metadata is written only where a keyword gives it, but for the comment; ``metadata="keep"`` or ``"safe"``
takes it from the image. Modes: ``"SALIENCY_JPEG"`` takes all that :func:`saliency_jpeg.compress` takes except CMYK and
flattens transparency on ``background``; a taken-over ``"JPEG"`` leaves to Pillow the modes that it would refuse, and
CMYK. MPO files are always written by Pillow alone.

Pillow opens (and empties) the file before it asks any encoder; where an existing file must outlive a failure, write
what :func:`encode` returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from threading import RLock
from typing import IO, Any, Final

import numpy as np

# Both register what is replaced below; imported later, by Image.preinit() or init(), they would put it back.
from PIL import Image, JpegImagePlugin, MpoImagePlugin

from ..errors import InputError, OptionError
from ..image.load import load
from ._compat import OPTION_NAMES
from ._compat import encode as encode_recipe
from ._pillow_keywords import PILLOW_KEYWORDS, PILLOW_MODES, translate

__all__ = ["FORMAT", "encode", "encode_as_pillow", "install", "register", "takeover", "uninstall"]

FORMAT: Final = "SALIENCY_JPEG"

_Handler = Callable[[Image.Image, IO[bytes], str | bytes], None]
_OUR_KEYWORDS: Final = frozenset(OPTION_NAMES) - frozenset(PILLOW_KEYWORDS)
_SYNONYMS: Final = (
    {"progressive", "progression"},
    {"restart_marker_blocks", "restart_marker_rows", "restart_interval"},
)
_PILLOW_DEFAULTS: Final = {"subsampling": "4:2:0", "progressive": False}


def encode(image: Image.Image, **keywords: Any) -> bytes:
    """What ``image.save(..., format="SALIENCY_JPEG", **keywords)`` writes.

    Raises:
        InputError: the image's mode is CMYK or cannot be converted.
        OptionError: an unknown keyword, a value out of range, or two that exclude each other.
        SegmentError: metadata that does not fit into a JPEG file.
        TargetError: the target is too small for this image.
    """
    if image.mode == "CMYK":
        raise InputError("mode CMYK would become RGB; convert it first, or let Pillow write it: format 'JPEG'")
    request = translate(image, keywords)
    picture = load(image, background=request.recipe.options.background)
    return encode_recipe(picture._replace(metadata=request.metadata), request.recipe)


def encode_as_pillow(
    image: Image.Image, keywords: Mapping[str, Any], defaults: Mapping[str, Any] | None = None
) -> bytes:
    """What a taken-over ``"JPEG"`` writes: Pillow's defaults, Pillow's modes, and of them the values as they are.

    Raises:
        InputError: a mode that Pillow does not save as JPEG, CMYK, or an image with alpha and no ``background=``.
    """
    if image.mode not in PILLOW_MODES:
        if "background" not in keywords:
            raise InputError(f"cannot write mode {image.mode} as JPEG; background= would flatten transparency")
        return encode(image, **_merged(_PILLOW_DEFAULTS, keywords))
    request = translate(image, _merged(_PILLOW_DEFAULTS if defaults is None else defaults, keywords))
    picture = load(np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB")))
    return encode_recipe(picture._replace(metadata=request.metadata), request.recipe)


def _save(image: Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    file.write(encode(image, **image.encoderinfo))


def _save_all(image: Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise OptionError(f"save_all is not supported: this encoder writes one picture a file, got {frames} frames")
    _save(image, file, filename)


def register(*extensions: str) -> None:
    """Makes the format known to Pillow, which importing this module does, and its default for file names.

    Args:
        extensions: such as ``".jpg"``; none by default, so that ``save("x.jpg")`` stays Pillow's own.
    """
    Image.register_save(FORMAT, _save)
    Image.register_save_all(FORMAT, _save_all)
    Image.register_mime(FORMAT, "image/jpeg")
    Image.register_extensions(FORMAT, list(extensions))


# In place of Pillow's own ---------------------------------------------------------------------------------------------

_LOCK: Final = RLock()
_ALONE: Final[Mapping[str, Any]] = {}  # in _scope: Pillow's own encoder is at work, or ours is
_scope: ContextVar[Mapping[str, Any] | None] = ContextVar("saliency_jpeg.integrations.pillow", default=None)


class _Takeover:
    """Who has taken over, and what was there before."""

    def __init__(self) -> None:
        self.installed: Mapping[str, Any] | None = None
        self.scopes = 0
        self.patched = False
        self.jpeg: _Handler = JpegImagePlugin._save
        self.mpo: _Handler = MpoImagePlugin._save_all

    def update(self) -> None:
        """Puts the handlers in or takes them out; those of others that lie on top stay, and ours then pass on."""
        wanted = self.installed is not None or self.scopes > 0
        if wanted and not self.patched:
            self.jpeg, self.mpo = Image.SAVE["JPEG"], Image.SAVE_ALL["MPO"]
            Image.SAVE["JPEG"], Image.SAVE_ALL["MPO"] = _save_taken_over, _save_mpo
            self.patched = True
        elif not wanted and Image.SAVE["JPEG"] is _save_taken_over and Image.SAVE_ALL["MPO"] is _save_mpo:
            Image.SAVE["JPEG"], Image.SAVE_ALL["MPO"] = self.jpeg, self.mpo
            self.patched = False


_state: Final = _Takeover()


def install(**defaults: Any) -> None:
    """Takes over ``"JPEG"`` in the whole process.  Called again, it replaces the defaults.

    Args:
        defaults: keywords for every save that does not give them itself.

    Raises:
        OptionError: as :func:`encode`.
    """
    checked = _checked(defaults)
    with _LOCK:
        _state.installed = checked
        _state.update()


def uninstall() -> None:
    """Ends what :func:`install` began; nothing happens where it was not called."""
    with _LOCK:
        _state.installed = None
        _state.update()


@contextmanager
def takeover(**defaults: Any) -> Iterator[None]:
    """Takes over ``"JPEG"`` inside a ``with`` statement, in this thread or task alone.

    May be nested, also inside :func:`install`: the innermost counts.

    Args:
        defaults: keywords for every save that does not give them itself.

    Raises:
        OptionError: as :func:`encode`.
    """
    token = _scope.set(_checked(defaults))
    _count(1)
    try:
        yield
    finally:
        _count(-1)
        _scope.reset(token)


def _count(change: int) -> None:
    with _LOCK:
        _state.scopes += change
        _state.update()


def _checked(defaults: Mapping[str, Any]) -> Mapping[str, Any]:
    """The defaults on top of Pillow's, tried on an image of one pixel."""
    translate(Image.new("L", (1, 1)), defaults)
    return {**_PILLOW_DEFAULTS, **defaults}


@contextmanager
def _alone() -> Iterator[None]:
    token = _scope.set(_ALONE)
    try:
        yield
    finally:
        _scope.reset(token)


def _save_taken_over(image: Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    """In ``Image.SAVE["JPEG"]``."""
    defaults = _scope.get()
    if defaults is None:
        defaults = _state.installed
    if defaults is None or defaults is _ALONE or not _is_ours(image, defaults):
        _state.jpeg(image, file, filename)
        return
    with _alone():
        jpeg = encode_as_pillow(image, image.encoderinfo, defaults)
    file.write(jpeg)


def _save_mpo(image: Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    """In ``Image.SAVE_ALL["MPO"]``: Pillow saves the further pictures as ``"JPEG"``."""
    with _alone():
        _state.mpo(image, file, filename)


def _is_ours(image: Image.Image, defaults: Mapping[str, Any]) -> bool:
    if image.mode in PILLOW_MODES:
        return True
    asked = _OUR_KEYWORDS & image.encoderinfo.keys() or {"target_kb"} & defaults.keys()
    if image.mode == "CMYK" and asked:
        raise OptionError(f"mode CMYK is left to Pillow, which has no {', '.join(sorted(asked))}, got mode 'CMYK'")
    return False


def _merged(defaults: Mapping[str, Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """A call's own keywords win, and what a preset or "keep" names is not mixed with defaults."""
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
        hidden.add("target_score")
    return {**{name: value for name, value in defaults.items() if name not in hidden}, **keywords}


register()
