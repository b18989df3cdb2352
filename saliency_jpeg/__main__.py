"""``python -m saliency_jpeg`` is the command ``saliency-jpeg``."""

import sys

from .cli import main

sys.exit(main())
