"""JPEG decoders that are not ours: what each is called, whose code it runs, where it comes from and how it is asked.

README.md says how to install them. What is not installed is in :meth:`Decoder.missing`.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Final, Literal

import adapters
from adapters import PROGRAMS, Decode

Family = Literal["libjpeg-turbo", "libjpeg", "own"]

_NUMBER: Final = re.compile(r"\d+\.[\w.]+")
_UNKNOWN: Final = "unknown"  # the version of what does not tell it


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """One decoder, and how to ask it.

    Attributes:
        name: what the table calls it.
        family: ``"libjpeg-turbo"``: it asks that library; ``"libjpeg"``: another branch of IJG's code; ``"own"``: code
            of its own.
        code: whose code decodes.
        source: the package and where it comes from.
        decode: the adapter.
        version: asks for the version.
        modules: Python modules that it needs.
        programs: programs that it needs.
        packages: packages of npm that it needs, looked for in ``$NODE_PATH``.
    """

    name: str
    family: Family
    code: str
    source: str
    decode: Decode
    version: Callable[[], str]
    modules: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    def missing(self) -> list[str]:
        """What has to be installed first."""
        missing = [name for name in self.modules if importlib.util.find_spec(name) is None]
        missing += [name for name in self.programs if shutil.which(name) is None]
        missing += [name for name in self.packages if adapters.package_folder(name) is None]
        if missing or not self.programs or self.version() != _UNKNOWN:
            return missing
        return list(self.programs)  # another program has its name, as Windows' own convert has ImageMagick's


# Versions -----------------------------------------------------------------------------------------------------------


def _first_number(text: str) -> str:
    found = _NUMBER.search(text)
    return found[0] if found else _UNKNOWN


def _program_version(*words: str) -> str:
    done = adapters.run(words)
    return _first_number((done.stdout + done.stderr).decode("utf-8", "replace"))


def _package_version(name: str) -> str:
    folder = adapters.package_folder(name)
    return _UNKNOWN if folder is None else str(json.loads((folder / "package.json").read_text("utf-8"))["version"])


def _pillow_version() -> str:
    from PIL import features

    return f"{version('pillow')} with {features.version('libjpeg_turbo')}"


def _opencv_version() -> str:
    import cv2

    library = re.search(r"JPEG:.*?(\d+\.\d+\.\d+)", cv2.getBuildInformation())
    return version("opencv-python") + (f" with {library[1]}" if library else "")


# The list -----------------------------------------------------------------------------------------------------------


def _python(
    name: str,
    family: Family,
    code: str,
    package: str,
    module: str,
    decode: Decode,
    ask: Callable[[], str] | None = None,
) -> Decoder:
    """A module of Python."""
    asked = ask or partial(version, package)
    return Decoder(
        name=name,
        family=family,
        code=code,
        source=f"{package} (PyPI)",
        decode=decode,
        version=asked,
        modules=(module,),
    )


def _debian(
    name: str, family: Family, code: str, package: str, words: str, ask: str, suffix: str = ".ppm", also: str = ""
) -> Decoder:
    """A program that decodes one file."""
    command = words.split()
    return Decoder(
        name=name,
        family=family,
        code=code,
        source=f"{package} (Debian)",
        decode=adapters.program(*command, suffix=suffix),
        version=partial(_program_version, *ask.split()),
        programs=(command[0], *also.split()),
    )


def _compiled(name: str, family: Family, code: str, package: str, words: str, ask: str, also: str = "") -> Decoder:
    """A small program of this folder in another language, which takes many files."""
    *command, source = words.split()
    return Decoder(
        name=name,
        family=family,
        code=code,
        source=f"{package} (Debian)",
        decode=adapters.batch(*command, str(PROGRAMS / source)),
        version=partial(_program_version, *ask.split()),
        programs=(command[0], *also.split()),
    )


def _npm(name: str, family: Family, code: str, package: str) -> Decoder:
    """A package of npm."""
    return Decoder(
        name=name,
        family=family,
        code=code,
        source=f"{package} (npm)",
        decode=adapters.batch("node", str(PROGRAMS / "decode.js"), package),
        version=partial(_package_version, package),
        programs=("node",),
        packages=(package,),
    )


def _jpeglib(name: str, code: str, library: str) -> Decoder:
    return _python(name, "libjpeg", code, "jpeglib", "jpeglib", adapters.jpeglib(library))


_TURBO: Final = "libjpeg-turbo"
_CHROMIUM: Final = Decoder(
    name="Chromium",
    family=_TURBO,
    code="libjpeg-turbo, pixels of a canvas",
    source="chromium (Debian)",
    decode=adapters.chromium,
    version=partial(_program_version, "chromium", "--version"),
    programs=("chromium",),
)
_FFMPEG: Final = Decoder(
    name="FFmpeg",
    family="own",
    code="libavcodec, its planes",
    source="ffmpeg (Debian)",
    decode=adapters.ffmpeg,
    version=partial(_program_version, "ffmpeg", "-version"),
    programs=("ffmpeg",),
)
_JPEG8: Final = adapters.each(adapters.imagecodecs)

DECODERS: Final[tuple[Decoder, ...]] = (
    # One library, asked in many ways.
    _debian("djpeg", _TURBO, _TURBO, "libjpeg-turbo-progs", "djpeg -dct int -outfile TARGET SOURCE", "djpeg -version"),
    _python("Pillow", _TURBO, _TURBO, "pillow", "PIL", adapters.each(adapters.pillow), _pillow_version),
    _python("OpenCV", _TURBO, _TURBO, "opencv-python", "cv2", adapters.each(adapters.opencv), _opencv_version),
    _python("TensorFlow", _TURBO, _TURBO, "tensorflow", "tensorflow", adapters.each(adapters.tensorflow)),
    _python("simplejpeg", _TURBO, _TURBO, "simplejpeg", "simplejpeg", adapters.each(adapters.simplejpeg)),
    _python("imagecodecs", _TURBO, _TURBO, "imagecodecs", "imagecodecs", _JPEG8),
    _python("Skia", _TURBO, _TURBO, "skia-python", "skia", adapters.each(adapters.skia)),
    _CHROMIUM,
    _npm("sharp", _TURBO, "mozjpeg's branch of libjpeg-turbo", "sharp"),
    _debian("libvips", _TURBO, _TURBO, "libvips-tools", "vips copy SOURCE TARGET", "vips --version"),
    _debian("ImageMagick", _TURBO, _TURBO, "imagemagick", "convert SOURCE TARGET", "convert --version"),
    _debian("GraphicsMagick", _TURBO, _TURBO, "graphicsmagick", "gm convert SOURCE TARGET", "gm version"),
    _debian(
        "GdkPixbuf",
        _TURBO,
        _TURBO,
        "libgdk-pixbuf2.0-bin",
        "gdk-pixbuf-thumbnailer -s SIDE SOURCE TARGET",
        "dpkg-query --show --showformat=${Version} libgdk-pixbuf2.0-bin",
        ".png",
    ),
    _debian("Netpbm", _TURBO, _TURBO, "netpbm", "jpegtopnm SOURCE", "jpegtopnm --version"),
    _compiled(
        "Java ImageIO",
        _TURBO,
        "libjpeg-turbo in Debian's build, else libjpeg 6b",
        "default-jdk-headless",
        "java Decode.java",
        "java -version",
        also="javac",
    ),
    # The other branches of the Independent JPEG Group's code.
    _jpeglib("libjpeg 6b", "IJG, 1998", "6b"),
    _jpeglib("libjpeg 7", "IJG, 2009", "7"),
    _jpeglib("libjpeg 8d", "IJG, 2012", "8d"),
    _jpeglib("libjpeg 9f", "IJG, 2024", "9f"),
    _python("MuPDF", "libjpeg", "libjpeg 10", "pymupdf", "pymupdf", adapters.each(adapters.mupdf)),
    _jpeglib("mozjpeg 4.0.3", "mozjpeg", "mozjpeg403"),
    _python("jpegli", "libjpeg", "jpegli", "ajpegli", "ajpegli", adapters.each(adapters.jpegli)),
    # Code that owes nothing to libjpeg.
    _FFMPEG,
    _compiled("Go", "own", "image/jpeg", "golang-go", "go run decode.go", "go version"),
    _npm("jpeg-js", "own", "JavaScript", "jpeg-js"),
    _npm("zune-jpeg", "own", "Rust, through the crate image", "@napi-rs/image"),
    _npm("jpeg-decoder", "own", "Rust, as WebAssembly", "@silvia-odwyer/photon-node"),
    _python("stb_image", "own", "stb_image of raylib", "raylib", "raylib", adapters.each(adapters.stb_image)),
    _python(
        "libjpeg of T. Richter",
        "own",
        "reference software of ISO/IEC 10918-7",
        "pylibjpeg-libjpeg",
        "libjpeg",
        adapters.each(adapters.thomas_richter),
    ),
)
