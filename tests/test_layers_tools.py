"""Layers in the hands of other programs: which keep them, and that all leave a picture. Those that are missing skip.

docs/layers.md has the table; Debian has the programs, PyPI the packages.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from helpers import photo, pillow_pixels, same_levels
from PIL import Image
from test_docs import table

from saliency_jpeg import compress, list_layers, recompress, strip_layers
from saliency_jpeg.codec import _core
from saliency_jpeg.metadata import segments
from saliency_jpeg.metadata.layer_kinds import Layer
from saliency_jpeg.metadata.layers import build_layers, layer_segments

PIXELS = np.array(photo(160, 240, 100, 150))
SIGNED = {"claim_generator": "test", "title": "t", "format": "image/jpeg"}
ACTIONS = {"actions": [{"action": "c2pa.created", "digitalSourceType": "http://c2pa.org/digitalsourcetype/empty"}]}
EXTENSIONS = """[req]
distinguished_name = name
prompt = no
[name]
CN = test
O = test
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[signer]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, emailProtection
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""

Tool = Callable[[Path, Path], None]  # input, output


def source() -> bytes:
    """A file with a layer of widths, and one of an unknown kind that takes three segments."""
    exif = Image.Exif()
    exif[0x010E] = "a description"
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "JPEG", quality=97, exif=exif, comment=b"a remark")
    jpeg = compress(file.getvalue(), saliency=None, quality=60, layers="widths")
    image = _core.read_jpeg(jpeg)
    digest = _core.levels_digest(image.levels, image.tables, image.size, image.sampling, image.component_tables)
    widths = Layer("widths", 1, b"\3" + bytes(range(40, 52)) + b"restore")
    other = Layer("other", 1, np.random.default_rng(0).bytes(150_000))
    own = [s for s in segments.parse(jpeg) if s not in layer_segments(segments.parse(jpeg))]
    return segments.replace_segments(jpeg, [*own, *build_layers(digest, [widths, other])])


SOURCE = source()


def program(*words: str, in_place: bool = False) -> Tool:
    """A program that is given IN and OUT, or changes the file OUT, a copy of IN."""

    def run(given: Path, made: Path) -> None:
        if shutil.which(words[0]) is None:
            pytest.skip(f"{words[0]} is not installed")
        if in_place:
            shutil.copy(given, made)
        command = [{"IN": str(given), "OUT": str(made)}.get(word, word) for word in words]
        subprocess.run(command, check=True, capture_output=True, timeout=120)

    return run


def by_pillow(**options: Any) -> Tool:
    def run(given: Path, made: Path) -> None:
        with Image.open(given) as image:
            image.save(made, "JPEG", **options)

    return run


def by_opencv(given: Path, made: Path) -> None:
    pixels = cv2.imread(str(given))
    assert pixels is not None
    cv2.imwrite(str(made), pixels)


def by_libvips(given: Path, made: Path) -> None:
    pyvips: Any = pytest.importorskip("pyvips")
    pyvips.Image.new_from_file(str(given)).write_to_file(str(made))


def by_mozjpeg(copy: str) -> Tool:
    def run(given: Path, made: Path) -> None:
        package: Any = pytest.importorskip("mozjpeg_lossless_optimization")
        made.write_bytes(package.optimize(given.read_bytes(), copy=getattr(package.COPY_MARKERS, copy)))

    return run


def by_function(function: Callable[..., bytes], **options: Any) -> Tool:
    return lambda given, made: void(made.write_bytes(function(given.read_bytes(), **options)))


def void(_: object) -> None:
    """Drops a result."""


def exiftool(*words: str) -> Tool:
    return program("exiftool", "-overwrite_original", *words, "OUT", in_place=True)


def jpegtran(*words: str) -> Tool:
    return program("jpegtran", *words, "-outfile", "OUT", "IN")


TOOLS: dict[str, tuple[Tool, str]] = {
    "jpegtran": (jpegtran(), "lost"),
    "jpegtran -copy all -optimize": (jpegtran("-copy", "all", "-optimize"), "valid"),
    "jpegtran -copy all -progressive": (jpegtran("-copy", "all", "-progressive"), "valid"),
    "jpegtran -copy all -rotate 90": (jpegtran("-copy", "all", "-rotate", "90"), "stale"),
    "mozjpeg_lossless_optimization": (by_mozjpeg("NONE"), "lost"),
    "mozjpeg_lossless_optimization, COPY_MARKERS.ALL": (by_mozjpeg("ALL"), "valid"),
    "jpegoptim": (program("jpegoptim", "OUT", in_place=True), "lost"),
    "jpegoptim -m50": (program("jpegoptim", "-m50", "OUT", in_place=True), "lost"),
    "exiftool -Artist=x": (exiftool("-Artist=x"), "valid"),
    "exiftool -all=": (exiftool("-all="), "lost"),
    "exiv2 -M": (program("exiv2", "-M", "set Exif.Image.Artist Ascii x", "OUT", in_place=True), "valid"),
    "exiv2 rm": (program("exiv2", "rm", "OUT", in_place=True), "valid"),
    "gm convert": (program("gm", "convert", "IN", "OUT"), "stale"),
    "jpegqs": (program("jpegqs", "IN", "OUT"), "stale"),
    "Pillow": (by_pillow(), "lost"),
    "Pillow, quality='keep'": (by_pillow(quality="keep"), "lost"),
    "OpenCV": (by_opencv, "lost"),
    "libvips": (by_libvips, "lost"),
    "recompress()": (by_function(recompress), "valid"),
    "recompress(metadata='strip')": (by_function(recompress, metadata="strip"), "valid"),
    "recompress(quality=30)": (by_function(recompress, quality=30, saliency=None), "lost"),
    "compress()": (by_function(compress, quality=30, saliency=None), "lost"),
    "strip_layers()": (by_function(strip_layers), "lost"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TOOLS)
def test_what_becomes_of_layers(name: str, tmp_path: Path) -> None:
    run, expected = TOOLS[name]
    given, made = tmp_path / "in.jpg", tmp_path / "out.jpg"
    given.write_bytes(SOURCE)
    run(given, made)
    jpeg = made.read_bytes()
    found = {info.kind: info.state for info in list_layers(jpeg)}
    assert found.get("widths", "lost") == expected
    if expected == "valid":
        assert found["other"] == "unknown"
        assert same_levels(_core.read_jpeg(jpeg).levels, _core.read_jpeg(SOURCE).levels)
    assert sorted(pillow_pixels(jpeg).shape) == sorted(PIXELS.shape)
    for mode in ("keep", "strip"):  # whatever a tool did to the segments, no byte of them stays
        assert b"saliency-jpeg.layers" not in compress(jpeg, saliency=None, quality=20, metadata=mode)
        assert len(compress(jpeg, saliency=None, quality=20, metadata=mode)) < 20_000


def test_the_table_in_the_documentation_is_this_one() -> None:
    rows = {row[0].strip("`"): row[1] for row in table("docs/layers.md", "What survives where")}
    assert rows == {name: expected for name, (_, expected) in TOOLS.items()}


# Content Credentials ------------------------------------------------------------------------------------------------


class Credentials:
    """Signs and checks by c2pa-python, with a certificate that nobody trusts."""

    def __init__(self, folder: Path) -> None:
        self.c2pa: Any = pytest.importorskip("c2pa")
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed")
        (folder / "extensions").write_text(EXTENSIONS)
        config = ("-config", "extensions", "-days", "2")
        for lines in (
            "openssl ecparam -name prime256v1 -genkey -noout -out ca.raw",
            "openssl ecparam -name prime256v1 -genkey -noout -out signer.raw",
            "openssl pkcs8 -topk8 -nocrypt -in signer.raw -out signer.key",
            f"openssl req -x509 -new -key ca.raw -extensions ca -out ca.pem {' '.join(config)}",
            "openssl req -new -key signer.raw -subj /CN=signer/O=test -out signer.csr",
            "openssl x509 -req -in signer.csr -CA ca.pem -CAkey ca.raw -CAcreateserial -extfile extensions "
            "-extensions signer -days 2 -out signer.pem",
        ):
            subprocess.run(lines.split(), cwd=folder, check=True, capture_output=True)
        chain = (folder / "signer.pem").read_bytes() + (folder / "ca.pem").read_bytes()
        key = (folder / "signer.key").read_bytes()
        info = self.c2pa.C2paSignerInfo(self.c2pa.C2paSigningAlg.ES256, chain, key, b"")
        info.ta_url = None  # no time stamp, which would ask a server
        self._signer = self.c2pa.Signer.from_info(info)

    def sign(self, jpeg: bytes) -> bytes:
        manifest = {**SIGNED, "assertions": [{"label": "c2pa.actions", "data": ACTIONS}]}
        signed = io.BytesIO()
        self.c2pa.Builder(json.dumps(manifest)).sign(self._signer, "image/jpeg", io.BytesIO(jpeg), signed)
        return signed.getvalue()

    def faults(self, jpeg: bytes) -> set[str]:
        """What the reader has to say against a file, but for the certificate."""
        report = json.loads(self.c2pa.Reader("image/jpeg", io.BytesIO(jpeg)).json())
        return {status["code"] for status in report["validation_status"]} - {"signingCredential.untrusted"}


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return Credentials(tmp_path_factory.mktemp("credentials"))


def test_a_reader_of_credentials_finds_none_in_layers(credentials: Credentials) -> None:
    for jpeg in (SOURCE, strip_layers(SOURCE)):
        with pytest.raises(credentials.c2pa.C2paError, match="ManifestNotFound"):
            credentials.c2pa.Reader("image/jpeg", io.BytesIO(jpeg))


def test_layers_can_be_signed_and_stand_beside_a_manifest(credentials: Credentials) -> None:
    signed = credentials.sign(SOURCE)
    assert list_layers(signed) == list_layers(SOURCE)
    assert credentials.faults(signed) == set()
    assert credentials.faults(strip_layers(signed)) == {"assertion.dataHash.mismatch"}  # a byte has changed
    own = segments.parse(signed)
    layers, others = layer_segments(own), [s for s in own if s not in layer_segments(own)]
    for order in ([others[0], *layers, *others[1:]], [*others, *layers]):  # in front of the manifest too
        assert credentials.faults(segments.replace_segments(signed, order)) <= {"assertion.dataHash.mismatch"}
    rewritten = recompress(signed, progressive=False)
    assert list_layers(rewritten) == list_layers(SOURCE)
    assert b"c2pa" not in rewritten
