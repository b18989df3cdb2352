"""What only the full package brings; the light one leaves it out, and says so where it is asked for."""

from __future__ import annotations

import importlib
from importlib import metadata
from typing import Any, Final

from ..errors import OptionError

__all__ = ["HINT", "distribution", "load"]

#: What to do, for the end of a message.
HINT: Final = "needs the full package: pip install saliency-jpeg"


def distribution() -> str:
    """Returns the name of the distribution that is installed, for messages; the full one's where neither is."""
    light = "saliency-jpeg-lite"
    return light if any(metadata.distributions(name=light)) else "saliency-jpeg"


def load(module: str, purpose: str) -> Any:
    """Returns a module that comes with the full package.

    Args:
        module: name by which it is imported.
        purpose: what it is needed for, for the error.

    Raises:
        OptionError: it cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise OptionError(f"{purpose} {HINT}, got {error}") from error
