"""What a verification may remember from the one before it: nothing, unless the self-test, which changes one file at a time, asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from gate.evidence.files import sha256_file

T = TypeVar("T")
Key = tuple[Any, ...]


class Memo:
    """Remembers nothing."""

    def once(self, key: Key, make: Callable[[], T]) -> T:  # noqa: ARG002 - the other kind's signature
        """What depends on `key` alone. Made anew each time."""
        return make()

    def beside(self, reads: tuple[str, ...], key: Key, make: Callable[[], T]) -> T:  # noqa: ARG002 - the other kind's signature
        """What depends on `key` and on the files whose paths in the bundle begin with one of `reads`. Made anew each time."""
        return make()

    def sha256(self, bundle: Path, name: str) -> str:
        """Of a file in the bundle, as it is now."""
        return sha256_file(bundle / name)


class Keyed(Memo):
    """Remembers what its key alone decides. Results that failed are never kept."""

    def __init__(self) -> None:
        self._kept: dict[Key, Any] = {}

    def once(self, key: Key, make: Callable[[], T]) -> T:
        """From before, if the key says the same."""
        if key not in self._kept:
            self._kept[key] = make()
        return cast(T, self._kept[key])


class Remembering(Keyed):
    """Remembers what the file that is being changed has no part in, too.

    Only for a bundle in which the bytes of that one file change, and nothing else: neither names nor sizes.

    Args:
        bundle: the folder.
        hot: the file in it.
    """

    def __init__(self, bundle: Path, hot: Path) -> None:
        super().__init__()
        self._hot, self._name = hot, hot.relative_to(bundle).as_posix()

    def beside(self, reads: tuple[str, ...], key: Key, make: Callable[[], T]) -> T:
        """From before, unless it reads the file that is being changed."""
        return make() if self._name.startswith(reads) else self.once(key, make)

    def sha256(self, bundle: Path, name: str) -> str:
        """From before, unless it is the file that is being changed."""
        return sha256_file(self._hot) if name == self._name else self.once(("sha256", name), lambda: sha256_file(bundle / name))
