"""Who may read and write a file: what a replaced file hands on, and what a new one gets."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

__all__ = ["check_writable", "hand_on", "new_mode"]

_PERMISSIONS: Final = stat.S_IRWXU | stat.S_IRWXG | stat.S_IRWXO
_OWNER: Final = stat.S_IRUSR | stat.S_IWUSR
_EVERYONE: Final = 0o666
_WRITABLE: Final = 0o222
_ACL: Final = "system.posix_acl_access"


def check_writable(path: Path) -> None:
    """Refuses to replace a file that is read-only, also for the superuser, whom the system lets write everywhere.

    Raises:
        PermissionError: the file is read-only.
    """
    if not path.stat().st_mode & _WRITABLE or not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "the file is read-only; make it writable first", str(path))


def new_mode(sources: Iterable[str]) -> int:
    """Returns the permissions of a new file, by the umask of the process.

    Args:
        sources: names of the files that it is made of. Group and others may not do more with it than with each of
            these; one that cannot be found counts nothing.
    """
    mode = _EVERYONE & ~_umask()
    for source in sources:
        with contextlib.suppress(OSError, ValueError):
            status = Path(source).stat()
            if stat.S_ISREG(status.st_mode):
                mode &= status.st_mode | _OWNER
    return mode | _OWNER


def _umask() -> int:
    """The umask; where the system does not tell it, it is set for a moment, to the strictest."""
    with contextlib.suppress(OSError):
        found = re.search(r"^Umask:\s*([0-7]+)", Path("/proc/self/status").read_text(), re.MULTILINE)
        if found:
            return int(found[1], 8)
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def hand_on(old: Path, new: int | Path) -> None:
    """Gives a new file the owner, the group, the permissions and the attributes of the file that it will replace.

    Owner, group and attributes are handed on where the process may set them. Where the group cannot be set, the new
    group gets no more permissions than others have.

    Args:
        old: the file that will be replaced.
        new: readable by nobody else so far; open, since its name may become another's in a folder of strangers.

    Raises:
        OSError: the permissions cannot be set.
    """
    status = old.stat()
    mode = status.st_mode & _PERMISSIONS
    same_list, same_group = _copy_attributes(old, new), _copy_owner(status, new)
    if not (same_list and same_group):
        mode &= ~stat.S_IRWXG | (mode & stat.S_IRWXO) << 3
    os.chmod(new, mode)  # noqa: PTH101 (a path has no open file)


def _copy_owner(status: os.stat_result, new: int | Path) -> bool:
    """Sets owner and group, or the group alone; returns whether the group is the same."""
    if not hasattr(os, "chown"):
        return True
    for owner in (status.st_uid, -1):
        with contextlib.suppress(OSError):
            os.chown(new, owner, status.st_gid)
            return True
    return os.stat(new).st_gid == status.st_gid  # noqa: PTH116 (the same)


def _copy_attributes(old: Path, new: int | Path) -> bool:
    """Copies the user's extended attributes, the security label and the access control list.

    Returns:
        Whether the access control list is the same.
    """
    if sys.platform == "linux":
        for name in _attributes(old):
            if name.startswith("user.") or name == "security.selinux":
                with contextlib.suppress(OSError):
                    os.setxattr(new, name, os.getxattr(old, name))
        try:
            if _ACL in _attributes(old):
                os.setxattr(new, _ACL, os.getxattr(old, _ACL))
            elif _ACL in _attributes(new):  # the new file has it from its folder
                os.removexattr(new, _ACL)
        except OSError:
            return False
    return True


def _attributes(path: int | Path) -> list[str]:
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a file system that has none
            return os.listxattr(path)
    return []
