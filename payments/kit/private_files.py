"""Files that nobody but the service's own user may read: they hold keys and personal data."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

_FOLDER, _FILE = 0o700, 0o600


def make_private(folder: Path) -> None:
    """Create the folder if need be; close it, and what the process creates from now on, to others.

    What a former version left open is closed as well. A folder that is not ours alone, such as
    /tmp, stays as it is.
    """
    os.umask(0o077)
    folder.mkdir(parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & stat.S_ISVTX:
        return
    # Below a closed folder nothing can be reached: only one that was open needs the whole walk.
    is_open = stat.S_IMODE(found.st_mode) != _FOLDER
    _close(folder)
    for path in folder.rglob("*") if is_open else folder.iterdir():
        _close(path)


def _close(path: Path) -> None:
    with suppress(FileNotFoundError, PermissionError):  # gone meanwhile, or another user's
        mode = path.lstat().st_mode
        wanted = _FOLDER if stat.S_ISDIR(mode) else _FILE
        if not stat.S_ISLNK(mode) and stat.S_IMODE(mode) & 0o077:
            path.chmod(wanted)
