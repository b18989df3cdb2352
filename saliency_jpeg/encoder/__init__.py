"""One picture or many, from whatever the caller has to JPEG files: :class:`Encoder` and :func:`compress`.

It may import all rooms below it; front doors, trainings, evaluation and command line build on it.
"""

from __future__ import annotations

from .coding import Coding
from .encoder import Encoder, compress
from .result import Compressed

__all__ = ["Coding", "Compressed", "Encoder", "compress"]
