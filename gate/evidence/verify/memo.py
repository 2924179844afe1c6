"""What a verification may remember from the one before it: nothing, unless the self-test, which changes one file at a time, asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from gate.evidence.files import sha256_file

T = TypeVar("T")


class Memo:
    """Remembers nothing."""

    def once(self, key: tuple[Any, ...], make: Callable[[], T]) -> T:  # noqa: ARG002 - the other kind's signature
        """Made anew each time."""
        return make()

    def sha256(self, path: Path) -> str:
        """Of the file as it is now."""
        return sha256_file(path)


class Remembering(Memo):
    """Remembers what only files decide that are not being changed. `hot` is the one that is; results that failed are never kept."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], Any] = {}
        self.hot: Path | None = None

    def once(self, key: tuple[Any, ...], make: Callable[[], T]) -> T:
        """From before, if the key says the same."""
        if key not in self._kept:
            self._kept[key] = make()
        return cast(T, self._kept[key])

    def sha256(self, path: Path) -> str:
        """From before, unless it is the file that is being changed."""
        return sha256_file(path) if path == self.hot else self.once(("sha256", path), lambda: sha256_file(path))
