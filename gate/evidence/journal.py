"""The journal: the append-only original of a run. A line that `append` acknowledged survives the death of process and machine."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import rfc8785

from gate.errors import EvidenceError
from gate.evidence.files import PRIVATE, disk_error, sync_folder, told, write_all
from gate.evidence.values import plain
from gate.redact import Redactor

GENESIS = "sha256:" + "0" * 64


def digest(line: bytes) -> str:
    """The name of a line in the chain; the line without its newline."""
    return "sha256:" + hashlib.sha256(line).hexdigest()


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """UTC with milliseconds, as every line carries it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


class Journal:
    """One run's journal. Thread-safe; threads that append at the same time share a sync.

    Args:
        path: a file that must not exist yet.
        redactor: applied to every key and value before the first byte is written.
        clock: the time of day, replaced in tests.
    """

    def __init__(self, path: Path, redactor: Redactor, clock: Callable[[], datetime] = utc_now) -> None:
        self.path = path
        self._redactor, self._clock = redactor, clock
        self._writing, self._syncing = threading.Lock(), threading.Lock()
        self._broken: EvidenceError | None = None
        self._next, self._head, self._size = 0, GENESIS, 0
        self._pending = b""
        self._durable = 0
        self.day: date | None = None  # UTC, of its first line
        with told("created", path):
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(path, flags, PRIVATE)
        sync_folder(path.parent)

    @property
    def head(self) -> str:
        """The digest of the last line written: what the next line will carry as `prev`."""
        return self._head

    def append(self, event: str, data: dict[str, Any]) -> int:
        """Record one event and return its number, once it is on the disk.

        Raises:
            EvidenceError: it could not be recorded. The journal is then broken for good: a run that lost one event has no verdict.
        """
        payload = self._payload(data)
        with self._writing:
            number = self._write(event, payload)
        self._wait_until_durable(number)
        return number

    def close(self) -> None:
        """Give the file back; appending is refused from then on."""
        with self._writing, self._syncing:
            self._break(EvidenceError(f"the journal {self.path} is closed", "no further event", "report this as a defect of the gate"))
            descriptor, self._descriptor = self._descriptor, -1
            if descriptor >= 0:
                os.close(descriptor)

    def __enter__(self) -> Self:
        """The journal itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it."""
        self.close()

    def _payload(self, data: dict[str, Any]) -> object:
        try:
            return self._redactor.data(plain(data))
        except EvidenceError as error:
            raise self._break(error) from error
        except RecursionError:
            raise self._break(EvidenceError("an event is nested too deeply to be recorded", "a flat record")) from None

    def _break(self, error: EvidenceError) -> EvidenceError:
        self._broken = self._broken or error
        return error

    def _refuse_if_broken(self) -> None:
        if self._broken is not None:
            raise EvidenceError(self._broken.happened, self._broken.expected, self._broken.next_step)

    def _write(self, event: str, payload: object) -> int:
        self._refuse_if_broken()
        self._settle()
        number, now = self._next, self._clock()
        self.day = self.day or now.astimezone(UTC).date()
        line = {"at": stamp(now), "data": payload, "event": event, "prev": self._head, "seq": number}
        try:
            self._pending = rfc8785.dumps(line) + b"\n"  # type: ignore[arg-type]  # `plain` leaves JSON types only
            write_all(self._descriptor, self._pending)
        except OSError as error:
            raise self._break(disk_error("written", self.path, error)) from error
        except (ValueError, RecursionError) as error:
            raise self._break(EvidenceError(f"an event could not be recorded ({error})", "values that JSON can carry")) from error
        self._adopt()
        return number

    def _adopt(self) -> None:
        # One assignment, after everything is computed: a signal cannot come between its parts.
        head, size = digest(self._pending[:-1]), self._size + len(self._pending)
        self._next, self._head, self._size, self._pending = self._next + 1, head, size, b""

    def _settle(self) -> None:
        """Find out whether a line was written whose append a signal cut short: the chain must neither skip it nor carry it twice."""
        if not self._pending:
            return
        written = os.fstat(self._descriptor).st_size - self._size
        if written == len(self._pending):
            self._adopt()
        elif written == 0:
            self._pending = b""
        else:
            raise self._break(EvidenceError(f"{self.path} holds a line that a signal cut short", "whole lines", "run the gate again"))

    def _wait_until_durable(self, number: int) -> None:
        """Sync for everyone who has written so far: whoever waits for the lock meanwhile mostly finds the work done."""
        with self._syncing:
            if self._durable > number:
                return
            self._refuse_if_broken()
            upto = self._next
            try:
                os.fdatasync(self._descriptor)
            except OSError as error:
                raise self._break(disk_error("synced", self.path, error)) from error
            self._durable = upto
