"""What only the full package brings; the light one leaves it out, and says so where it is asked for."""

from __future__ import annotations

import importlib
from typing import Any, Final

from ..errors import OptionError

__all__ = ["HINT", "load"]

#: What to do, for the end of a message.
HINT: Final = "needs the full package: pip install saliency-jpeg"


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
