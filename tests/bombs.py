"""Files that are small and would take a decoder long or much memory, and a process that may use little of both."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
CPU_SECONDS = 5
ADDRESS_SPACE = 1_600_000_000  # bytes; 1 GB of memory, and what the libraries map without using it


def segment(marker: int, payload: bytes = b"") -> bytes:
    """A marker segment, T.81 B.1.1.4."""
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def frame(marker: int, width: int, height: int, factors: tuple[tuple[int, int], ...] = ((1, 1),)) -> bytes:
    """A frame header, T.81 B.2.2, of components 1, 2 and so on."""
    components = b"".join(bytes([i, h << 4 | v, 0]) for i, (h, v) in enumerate(factors, 1))
    return segment(marker, struct.pack(">BHHB", 8, height, width, len(factors)) + components)


def scan_bomb(width: int, height: int, scans: int) -> bytes:
    """A progressive gray file of flat gray whose AC scans are runs of ends of bands: a few bytes for all blocks.

    The order is legal: each coefficient has five scans, from bit 4 to bit 0; so there can be 316.
    """
    blocks = -(-width // 8) * -(-height // 8)
    dc = segment(0xC4, bytes([0x00, 1, *[0] * 15, 0]))  # one code, of one bit: no difference
    ac = segment(0xC4, bytes([0x10, 0, 0, 0, 15, *[0] * 12, *(n << 4 for n in range(15))]))  # 4 bits: ends of bands
    head = b"\xff\xd8" + segment(0xDB, bytes(1) + bytes([1] * 64)) + frame(0xC2, width, height) + dc + ac
    first = segment(0xDA, bytes([1, 1, 0, 0, 0, 0])) + bytes(-(-blocks // 8))
    data = _runs(blocks)
    order = [(k, high) for k in range(1, 64) for high in (None, 4, 3, 2, 1)]
    rest = (_ac_scan(*order[n]) + data for n in range(scans - 1))
    return head + first + b"".join(rest) + b"\xff\xd9"


def _ac_scan(k: int, high: int | None) -> bytes:
    return segment(0xDA, bytes([1, 1, 0, k, k, 4 if high is None else high << 4 | high - 1]))


def _runs(blocks: int) -> bytes:
    """Runs of ends of bands over some blocks, T.81 G.1.2.2: the code n, and n bits."""
    bits = ""
    while blocks:
        size = min(14, blocks.bit_length() - 1)
        run = min(blocks, (2 << size) - 1)
        bits += f"{size:04b}" + (f"{run - (1 << size):0{size}b}" if size else "")
        blocks -= run
    bits += "1" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)).replace(b"\xff", b"\xff\0")


def flat_baseline(width: int, height: int) -> bytes:
    """A baseline gray file of flat gray: two bits a block."""
    blocks = -(-width // 8) * -(-height // 8)
    codes = segment(0xC4, bytes([0x00, 1, *[0] * 15, 0])) + segment(0xC4, bytes([0x10, 1, *[0] * 15, 0]))
    head = b"\xff\xd8" + segment(0xDB, bytes(1) + bytes([1] * 64)) + frame(0xC0, width, height) + codes
    return head + segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + bytes(-(-2 * blocks // 8)) + b"\xff\xd9"


def many_segments(count: int, marker: int = 0xFE, *, behind_first_scan: bool = False) -> bytes:
    """A progressive file with empty segments."""
    file = io.BytesIO()
    Image.fromarray(np.arange(4096, dtype=np.uint8).reshape(64, 64)).save(file, "JPEG", progressive=True)
    jpeg = file.getvalue()
    at = jpeg.index(b"\xff\xda", jpeg.index(b"\xff\xda") + 2) if behind_first_scan else 2
    return jpeg[:at] + segment(marker) * count + jpeg[at:]


def outcome(code: str, *arguments: str) -> str:
    """Runs Python code in a process with 5 seconds of CPU time and little memory, and returns what it prints.

    An error of this library ends it with the error's name and message. Anything else, such as a signal, fails.
    """
    lines = [
        "import resource, sys, warnings",
        f"resource.setrlimit(resource.RLIMIT_CPU, ({CPU_SECONDS}, {CPU_SECONDS + 1}))",
        f"resource.setrlimit(resource.RLIMIT_AS, ({ADDRESS_SPACE}, {ADDRESS_SPACE}))",
        "warnings.simplefilter('ignore')",
        "from saliency_jpeg.errors import SaliencyJpegError",
        "try:",
        *(f"    {line}" for line in code.strip().splitlines()),
        "except SaliencyJpegError as error:",
        "    print(type(error).__name__ + ':', error)",
    ]
    command = [sys.executable, "-c", "\n".join(lines), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr
