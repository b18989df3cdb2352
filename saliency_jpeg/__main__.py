"""Runs the command line: ``python -m saliency_jpeg`` is the same as ``saliency-jpeg``."""

import sys

from .cli import main

sys.exit(main())
