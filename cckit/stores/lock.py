"""Who may write a log, and where.

An OS lock on ``NAME.db.lock`` refuses a second writer on this machine; the system frees it
when its process dies. Network file systems lie about locks and about syncs, so a log is
not written there. The epoch in the log fences whoever lost the lock all the same.
"""

import fcntl
import os
import subprocess
from typing import Final

from cckit.core.errors import StoreError

REFUSED: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "afpfs"})
"""File systems of a network: their locks and syncs hold only at times."""
WARNED: Final = ("9p", "fuse", "virtiofs")
"""File systems of containers: what they promise depends on the host."""

_LINUX: Final = "/proc/self/mountinfo"


class WriterLock:
    """The right to write one log, held until ``release`` or the end of the process."""

    def __init__(self, path: str, does: str = "writes this log") -> None:
        """Open the lock's file; nothing is locked yet. ``does``: what only one may do.

        :raises StoreError: the folder can't be written.
        """
        self._path = path
        self._does = does
        self._file: int | None = None
        self._made = False
        self._holds = False
        self._open()

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            try:
                self._file = os.open(self._path, flags | os.O_EXCL, 0o644)
                self._made = True
            except FileExistsError:
                self._file = os.open(self._path, flags, 0o644)
                self._made = False
        except OSError as error:
            what = f"the lock file can't be opened ({error.strerror})"
            remedy = "write in a folder that exists and is yours"
            raise StoreError(self._path, what, remedy) from error

    def take(self, pass_by: bool = False) -> None:
        """Lock; with ``pass_by`` go on although someone else holds it.

        :raises StoreError: another process, or another store of this one, writes this log.
        """
        while True:
            assert self._file is not None
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if pass_by:
                    return
                refusal = self._refusal(self._file)
                self.release()
                raise refusal from error
            if self._is_there(self._file):
                break
            self.release()  # Whoever had it was refused and took its file away: once more.
            self._open()
        self._holds = True
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode("ascii"), 0)

    def _refusal(self, file: int) -> StoreError:
        holder = os.pread(file, 20, 0).decode("ascii", "replace").strip()
        if holder == str(os.getpid()):
            what = f"this process (pid {holder}) {self._does} already"
            return StoreError(self._path, what, "close the center or store that has it open")
        what = f"another process {self._does} (pid {holder or 'unknown'})"
        remedy = "stop it, or open with take_over=True: the other is then fenced off"
        return StoreError(self._path, what, remedy)

    def _is_there(self, file: int) -> bool:
        """Whether the path still names the file that we have locked."""
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(file))
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let the next one write. The file stays, with the last writer's number in it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
            self._holds = False

    def withdraw(self) -> None:
        """Let the next one write, as if we had never been: a file that we made is removed.

        It is removed while it is locked, and whoever locks it later sees in ``take`` that
        the path names it no more, so no two can hold the lock.
        """
        try:
            ours = self._made and self._holds
            if ours and self._file is not None and self._is_there(self._file):
                os.unlink(self._path)
        finally:
            self.release()


def check_one_name(path: str) -> None:
    """Refuse a log that has another name of its own, which would have a lock of its own.

    :raises StoreError: there is a hard link to it.
    """
    names = os.stat(path).st_nlink
    if names > 1:
        remedy = "remove the other hard link, or make it a symbolic one"
        raise StoreError(path, f"has {names} names, each with a lock and keys of its own", remedy)


def file_system(path: str) -> str:
    """The kind of file system that holds a path; empty where the system doesn't say."""
    real = os.path.realpath(path)
    if os.path.exists(_LINUX):
        with open(_LINUX, encoding="utf-8", errors="surrogateescape") as file:
            return kind_from_mountinfo(file.read(), real)
    listing = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False)
    return kind_from_mount(listing.stdout, real)


def kind_from_mountinfo(text: str, real: str) -> str:
    """The file system of a real path by Linux's ``/proc/self/mountinfo`` (proc(5))."""
    mounts = {}
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        point = before.split(" ")[4]
        # Blanks, tabs, line ends and backslashes stand as octal escapes.
        for escape, sign in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
            point = point.replace(escape, sign)
        mounts[point] = after.split(" ")[0]  # A later mount hides an earlier one.
    return _nearest(mounts, real)


def kind_from_mount(text: str, real: str) -> str:
    """The file system of a real path by macOS's ``mount``: ``DEVICE on POINT (KIND, …)``."""
    mounts = {}
    for line in text.splitlines():
        where, _, options = line.rpartition(" (")
        point = where.partition(" on ")[2]
        mounts[point] = options.rstrip(")").split(",")[0]
    return _nearest(mounts, real)


def _nearest(mounts: dict[str, str], real: str) -> str:
    point = real
    while point not in mounts:
        up = os.path.dirname(point)
        if up == point:
            return ""
        point = up
    return mounts[point]


def check_file_system(path: str, kind: str) -> str | None:
    """A warning about the file system that a log is to be written on, or None.

    :raises StoreError: it is a network's.
    """
    if kind in REFUSED:
        what = f"is on {kind}, whose locks and syncs can't be trusted"
        raise StoreError(path, what, "keep the log on a local disk")
    if kind.split(".")[0] in WARNED:
        return f"{path}: is on {kind}; what it promises about syncs depends on the host"
    return None
