"""``saliency-jpeg decode``: decodes JPEG files to PNG, TIFF or PPM files, and restores them."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np

from ..batch.in_order import work_in_order
from ..batch.plan import Job, Plan, check_folder_name, plan
from ..enhance import DecodeOptions, Decoder
from ..enhance.loading import choose
from ..enhance.options import Enhancement
from ..errors import InputError, LayerWarning, SaliencyJpegError
from ..image.read import read_bytes
from ..image.save import SUFFIXES, to_file
from ..io import JPEG_SUFFIXES, STREAM, is_regular, read
from ..metadata.jpeg_source import JpegSource, is_jpeg
from ..recompression.layers import list_layers
from .options import add_command, add_max_pixels
from .output import sweep_folders, write_output
from .terminal import NAME, UsageError, describe_error, hide_library_output, say

__all__ = ["add"]

_FORMATS: Final = {"png": ".png", "tiff": ".tif", "ppm": ".ppm"}
_JPEG_KINDS: Final = JPEG_SUFFIXES | {".mpo"}
_HEAD: Final = 1 << 20  # bytes of a file that are looked at before its turn comes


def add(commands: Any) -> None:
    """Adds the command."""
    parser = add_command(commands, "decode", _run, "IN... -o OUT", "decode JPEG files, restored, to PNG, TIFF or PPM")
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="IN",
        help="JPEG file, folder, or quoted pattern such as 'photos/**/*.jpg'; - reads standard input",
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUT",
        help="file in .png, .tif or .ppm, or folder for several inputs (created if missing); - is standard output",
    )
    parser.add_argument("-r", "--recursive", action="store_true", help="process subfolders too")
    parser.add_argument(
        "--format", choices=_FORMATS, help="of the files in a folder and of standard output (default: png)"
    )
    parser.add_argument("--bits", type=int, choices=(8, 16), default=8, help="of a sample (default: 8)")
    _add_enhancement(parser)
    add_max_pixels(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")


def _add_enhancement(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("enhancement")
    group.add_argument(
        "--enhance",
        choices=("none", *get_args(Enhancement)),
        default="auto",
        help="undo by a network what quantization did, or do no more than decode (default: auto, as far as it applies)",
    )
    group.add_argument("--amount", type=float, metavar="A", help="share of the correction, 0 to 1 (default: 1)")
    group.add_argument(
        "--fidelity", type=float, metavar="F", help="1 stays within what the file allows, 0 is free (default: 1)"
    )
    group.add_argument(
        "--device", metavar="NAME", help="run the network on cpu, gpu, gpu:1, ... (default: TensorFlow decides)"
    )


def _parse_options(arguments: argparse.Namespace) -> DecodeOptions:
    given = {name: getattr(arguments, name) for name in ("amount", "fidelity", "device")}
    return DecodeOptions(
        enhance=None if arguments.enhance == "none" else arguments.enhance,
        dtype=np.uint16 if arguments.bits == 16 else np.uint8,
        max_pixels=arguments.max_pixels,
        **{name: value for name, value in given.items() if value is not None},
    )


def _run(arguments: argparse.Namespace) -> int:
    """Decodes every input; a file that fails is reported and does not stop the others."""
    decoder = Decoder(_parse_options(arguments))  # raises OptionError before any work
    suffix = _FORMATS[arguments.format or "png"]
    planned = plan(arguments.inputs, arguments.output, recursive=arguments.recursive, kinds=_JPEG_KINDS, suffix=suffix)
    _check_output(arguments, planned)
    if any(_may_need_network(job.source, decoder.options) for job in planned.jobs):
        with hide_library_output():
            decoder.load_network()
    if planned.folder is not None:
        planned.folder.mkdir(parents=True, exist_ok=True)
    sweep_folders(job.output for job in planned.jobs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LayerWarning)  # the report has it
        return _Batch(decoder, planned, suffix, quiet=arguments.quiet).run()


def _may_need_network(source: str, options: DecodeOptions) -> bool:
    """Whether a file is to be restored, by its header; true where that cannot be told before all of it is read.

    TensorFlow takes some seconds of processor time to load, so it is not loaded for files that are decoded plainly, and
    for none at all.
    """
    if options.enhance is None or options.amount == 0:
        return False
    if source == STREAM or not is_regular(source):
        return True
    try:
        with Path(source).open("rb") as file:
            data = file.read(_HEAD)
        header = JpegSource(data).header if is_jpeg(data) else None
        return header is not None and choose(options.enhance, header) is not None
    except OSError:
        return False
    except InputError:  # of a header that is damaged or longer, or of an enhancement for other files
        return len(data) == _HEAD


def _check_output(arguments: argparse.Namespace, planned: Plan) -> None:
    if planned.folder is not None:
        return check_folder_name(arguments.output)
    if arguments.output == STREAM:
        return
    if Path(arguments.output).suffix.lower() not in SUFFIXES:
        raise UsageError(f"the output must end in {', '.join(SUFFIXES)}, got {arguments.output!r}")
    if arguments.format is not None:
        raise UsageError(f"--format is for folders and standard output, got {arguments.format!r}")


class _Batch:
    """One run over the planned files."""

    def __init__(self, decoder: Decoder, planned: Plan, suffix: str, *, quiet: bool) -> None:
        self._decoder, self._planned, self._suffix = decoder, planned, suffix
        to_stream = any(job.output == STREAM for job in planned.jobs)
        self._stream = None if quiet else sys.stderr if to_stream else sys.stdout
        self._failed = 0

    def run(self) -> int:
        """Decodes the files in several threads, writes them in order and returns the exit status."""
        for error in self._planned.unreadable:
            self._fail(error, str(error.filename))
        jobs = self._planned.jobs
        results = work_in_order(self._decode, jobs, hold=_held, workers=self._decoder.workers, errors="return")
        for job, result in zip(jobs, results, strict=True):
            try:
                self._write(job, result)
            except _errors_of_a_file() as error:
                self._fail(error, job.source)
        return 1 if self._failed else 0

    def _decode(self, held: tuple[Job, bytes]) -> tuple[bytes, str]:
        """Returns the file to write and what to report."""
        job, data = held
        picture = self._decoder.decode_picture(data)
        suffix = self._suffix if job.output == STREAM else Path(job.output).suffix.lower()
        height, width = picture.pixels.shape[:2]
        how = "decoded" if picture.enhanced is None else f"enhanced ({picture.enhanced}{self._damage(data)})"
        report = f"{job.source} -> {job.output}: {width} x {height} pixels, {how}"
        return to_file(picture.pixels, picture.metadata, suffix), report

    def _damage(self, data: bytes) -> str:
        """What there is to say of the layers of a file; a warning would not say which file it is of."""
        layers = list_layers(data, max_pixels=self._decoder.options.max_pixels)
        return ", without its damaged layer" if any(layer.state == "damaged" for layer in layers) else ""

    def _write(self, job: Job, result: tuple[bytes, str] | Exception) -> None:
        if isinstance(result, Exception):
            raise result
        file, report = result
        if job.batch_folder is not None:
            Path(job.output).parent.mkdir(parents=True, exist_ok=True)
        write_output(job.output, file, sources=[job.source])
        say(report, self._stream)

    def _fail(self, error: Exception, source: str) -> None:
        self._failed += 1
        say(f"{NAME}: {describe_error(error, source)}", sys.stderr)


def _errors_of_a_file() -> tuple[type[Exception], ...]:
    """Errors that do not stop a batch; those of OpenCV only where it was loaded."""
    opencv = sys.modules.get("cv2")
    return SaliencyJpegError, OSError, MemoryError, *([opencv.error] if opencv else [])


def _held(job: Job) -> tuple[Job, bytes]:
    return job, read(job.source) if job.source == STREAM else read_bytes(job.source)
