"""What becomes of a network in a forked process.

TensorFlow runs on threads, and a fork copies none of them: a child that uses it after its parent has waits for ever.
So a child is marked as it is made, and told at once. A child of a process that has not used TensorFlow loads its own.
What can be made anew in the child, locks and LiteRT's interpreters, is made anew by those that registered for it.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

from ..errors import OptionError

__all__ = ["LoadOnce", "check", "mark_in_use", "mark_lost", "renew_in_child"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

_in_use = False  # whether TensorFlow was used through this library in this process
_is_lost = False  # whether this process was forked from one that had used it
_renewals: list[Callable[[], None]] = []


def mark_in_use() -> None:
    """Notes that TensorFlow is about to start its threads."""
    global _in_use
    _in_use = True


def mark_lost() -> None:
    """Notes in a forked process that TensorFlow cannot be used, because a thread of its parent was loading it."""
    global _is_lost
    _is_lost = True


def check() -> None:
    """Raises an error where TensorFlow would never answer.

    Raises:
        OptionError: this process was forked from one that had used TensorFlow.
    """
    if _is_lost:
        raise OptionError(
            "TensorFlow does not survive a fork, and this process was forked after it had been used; start the workers "
            "before a network runs, start them by 'spawn' or 'forkserver', or pass saliency=None, a map of your own, a "
            "model exported to LiteRT, or enhance=None, "
            f"got a network in process {os.getpid()}, forked from {os.getppid()}"
        )


def renew_in_child(renewal: Callable[[], None]) -> None:
    """Registers a function that every forked child calls first."""
    _renewals.append(renewal)


class LoadOnce(Generic[_P, _T]):
    """A function that loads something, called once for the same arguments and by one thread at a time.

    A forked child gets a lock of its own: another thread of the parent may have held this one.
    """

    def __init__(self, load: Callable[_P, _T]) -> None:
        self._load: Any = functools.cache(load)
        self._renew()
        renew_in_child(self._renew)

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Returns what was loaded by these arguments."""
        with self.lock:
            loaded: _T = self._load(*args, **kwargs)
        return loaded

    def _renew(self) -> None:
        self.lock = threading.Lock()


def _after_fork() -> None:
    global _is_lost
    _is_lost = _is_lost or _in_use or _has_threads()
    for renewal in _renewals:
        renewal()


def _has_threads() -> bool:
    """Whether TensorFlow has started its threads, by whosever hand."""
    context: Any = sys.modules.get("tensorflow.python.eager.context")
    return bool(getattr(getattr(context, "_context", None), "_initialized", False))


if hasattr(os, "register_at_fork"):  # not on Windows, which has no forks
    os.register_at_fork(after_in_child=_after_fork)
