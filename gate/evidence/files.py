"""Files of evidence: written once, synced, and every refusal of the disk told in one sentence."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gate.errors import EvidenceError

PRIVATE = 0o600
PUBLIC = 0o666  # less the user's umask, as for any file that other tools are to read

_ADVICE = {
    errno.ENOSPC: ("free space on its disk", "free some space or set OUT_DIR to another disk, then run again"),
    errno.EDQUOT: ("room within the disk quota", "free some space or set OUT_DIR to another disk, then run again"),
    errno.EFBIG: ("room below the file size limit", "raise the limit (ulimit -f) or free some space, then run again"),
    errno.EROFS: ("a folder that can be written", "set OUT_DIR to a folder that can be written"),
    errno.EACCES: ("a folder that this user may write", "change its permissions or set OUT_DIR to another folder"),
    errno.EPERM: ("a folder that this user may write", "change its permissions or set OUT_DIR to another folder"),
    errno.ENOTDIR: ("a folder, not a file", "remove the file or set OUT_DIR to another folder"),
    errno.EEXIST: ("a name that is still free", "move what is there out of the way or set OUT_DIR to another folder"),
    errno.ENAMETOOLONG: ("a shorter path", "set OUT_DIR to a folder with a shorter path"),
    errno.ENOENT: ("a file or folder that exists", "check the path"),
    errno.EISDIR: ("a file, not a folder", "check the path"),
}


def disk_error(doing: str, path: Path, error: OSError) -> EvidenceError:
    """What the disk refused, as one sentence with the next step."""
    expected, next_step = _ADVICE.get(error.errno or 0, ("a disk that works", "check the disk, or set OUT_DIR to another folder"))
    return EvidenceError(f"{path} could not be {doing} ({error.strerror or error})", expected, next_step)


@contextmanager
def told(doing: str, path: Path) -> Iterator[None]:
    """Turn any refusal of the disk inside the block into an `EvidenceError` about `path`."""
    try:
        yield
    except OSError as error:
        raise disk_error(doing, path, error) from error


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it: one call in the ordinary case, more where the system took only a part."""
    rest = memoryview(data)
    while rest:
        count = os.write(descriptor, rest)
        if count == 0:
            raise OSError(errno.EIO, "the system wrote nothing")
        rest = rest[count:]


def write_new(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Create a file that must not exist yet and sync it."""
    with told("written", path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
        try:
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file for other tools: it is there whole, or what was there before still is."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        write_new(temporary, data, PUBLIC)
        with told("written", path):
            temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make names that were just created or changed in the folder durable."""
    with told("written", path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def adopt(path: Path) -> None:
    """Make a file that another program wrote durable, and the user's alone."""
    with told("written", path):
        path.chmod(PRIVATE)
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Hold the folder for this process: others that ask for it wait, so that two people who sign at the same moment do so one by one."""
    with told("opened", folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        with suppress(OSError):  # some network file systems lock no folders; the names' numbers are then all that keeps two apart
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sha256_file(path: Path) -> str:
    """The SHA-256 of a file of any size, in hexadecimal."""
    with told("read", path), path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
