"""A real reference service, and the real command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.run.support import ROOT, Finished, Reference, launch, start_reference, stop_reference


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    found = start_reference(tmp_path_factory.mktemp("reference"))
    yield found
    stop_reference(found)


@pytest.fixture(scope="session")
def as_deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    found = start_reference(tmp_path_factory.mktemp("as-deployed"), "--as-deployed")
    yield found
    stop_reference(found)


@pytest.fixture
def own_reference(tmp_path: Path) -> Iterator[Callable[..., Reference]]:
    """Starts references that a test may break."""
    started: list[Reference] = []

    def start(*options: str, **settings: str) -> Reference:
        folder = tmp_path / f"own-{len(started)}"
        folder.mkdir()
        started.append(start_reference(folder, *options, **settings))
        return started[-1]

    yield start
    for item in started:
        stop_reference(item)


Gate = Callable[..., Finished]


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """`gate(settings, *options)`: run `gate run` with these variables and wait for its end."""

    def run(settings: dict[str, str], *options: str, **more: Any) -> Finished:
        process = launch(settings, tmp_path / "reports", *options, **more)
        out, err = process.communicate(timeout=120)
        return Finished(process.returncode, out, err, Path(settings.get("OUT_DIR", str(tmp_path / "reports"))))

    return run


@pytest.fixture
def quick_profile(tmp_path: Path) -> str:
    """The shipped profile with a deadline of one second, for targets that never end."""
    text = (ROOT / "fixtures" / "profiles" / "supply_intel.toml").read_text().replace("deadline_seconds = 10 ", "deadline_seconds = 1 ")
    assert "deadline_seconds = 1 " in text
    path = tmp_path / "quick.toml"
    path.write_text(text)
    return str(path)
