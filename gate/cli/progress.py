"""What a run shows while it goes: a bar on a terminal, plain lines elsewhere. All of it on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from gate.redact import Redactor


class Progress:
    """Called with (kind, text): a phase that begins, or a control's result."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._stream = sys.stderr
        self._bar: Any = None
        self._task: Any = None
        self._throttled: set[str] = set()
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
        """One event; those of the client come from its own threads."""
        if kind == "throttled":
            if text not in self._throttled:
                self._throttled.add(text)
                self._say(f"gate: {text} is throttled; waiting for the limit's window to pass")
            return
        if self._bar is None:
            if kind == "phase":
                self._say(f"gate: {text} ...")
            return
        if kind == "phase":
            self._bar.update(self._task, description=text, total=self.total or None)
        else:
            self._bar.advance(self._task)

    def _say(self, text: str) -> None:
        clean = "".join(character if character.isprintable() else " " for character in self._redactor.text(text))
        if self._bar is None:
            print(clean, file=self._stream, flush=True)
        else:
            self._bar.console.print(clean, markup=False, highlight=False)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


@contextmanager
def clock(text: str, seconds: float) -> Iterator[None]:
    """Meanwhile, on a terminal, a bar of how much of so many seconds has passed."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    class Clock(Bar):
        """A bar that nobody has to push."""

        def get_renderables(self) -> Iterable[Any]:
            """What is drawn, again and again."""
            for task in self.tasks:
                task.completed = min(task.elapsed or 0.0, seconds)
            return super().get_renderables()

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f} of {task.total:.0f} s"))
    with Clock(*columns, console=Console(stderr=True), transient=True, refresh_per_second=2) as bar:
        bar.add_task(text, total=seconds)
        yield
