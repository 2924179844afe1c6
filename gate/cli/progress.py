"""What a run shows while it goes: a bar on a terminal, plain lines elsewhere. All of it on standard error."""

from __future__ import annotations

import sys
from typing import Any

from gate.redact import Redactor


class Progress:
    """Called with (kind, text): a phase that begins, or a control's result."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._stream = sys.stderr
        self._bar: Any = None
        self._task: Any = None
        self._phase = ""
        self.total = 0
        if self._stream.isatty():
            self._open_bar()

    def _open_bar(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Bar(*columns, console=Console(file=self._stream), transient=True)
        self._task = self._bar.add_task("collecting", total=None)
        self._bar.start()

    def __call__(self, kind: str, text: str) -> None:
        """One event."""
        if self._bar is None:
            if kind == "phase":
                print(f"gate: {self._redactor.text(text)} ...", file=self._stream, flush=True)
            return
        if kind == "phase":
            self._bar.update(self._task, description=text, total=self.total or None)
        else:
            self._bar.advance(self._task)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
