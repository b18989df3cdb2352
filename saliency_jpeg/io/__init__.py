"""What the system gives: files, whole reads and atomic writes, temporary files behind them, names, processors.

``files`` reads and writes, ``temporary`` makes and removes temporary files, ``permissions`` says who may read what is
written, ``names`` knows suffixes and makes names fit to print, ``lines`` prints, ``cpus`` counts processors,
``full_package`` loads what the light distribution leaves out, ``folders`` are those of a disk or a store of objects.
May import ``errors``.
"""

from .cpus import available_cpus
from .files import FileChangedError, Version, is_folder, is_regular, read, version, write
from .folders import Folder, LocalFolder, RemoteFolder, folder_of, is_remote, remote_file
from .lines import say, say_lines, show
from .names import (
    IMAGE_SUFFIXES,
    JPEG_SUFFIXES,
    LOSSLESS_SUFFIXES,
    STREAM,
    jpeg_name,
    printable,
    real_path,
    with_image_suffix,
)
from .temporary import remove_temporaries, sweep

__all__ = [
    "IMAGE_SUFFIXES",
    "JPEG_SUFFIXES",
    "LOSSLESS_SUFFIXES",
    "STREAM",
    "FileChangedError",
    "Folder",
    "LocalFolder",
    "RemoteFolder",
    "Version",
    "available_cpus",
    "folder_of",
    "is_folder",
    "is_regular",
    "is_remote",
    "jpeg_name",
    "printable",
    "read",
    "real_path",
    "remote_file",
    "remove_temporaries",
    "say",
    "say_lines",
    "show",
    "sweep",
    "version",
    "with_image_suffix",
    "write",
]
