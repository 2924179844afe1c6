"""The build and the TLS key: told, and the same from the first request to the last."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gate.errors import GateError
from gate.model import Inconclusive, Lacking, Unmet
from tests.suites.made_up import saw, suite, target

BUILD = suite("preflight/test_build.py")
KEY, OTHER = "aa" * 32, "bb" * 32


def described(path: str = "/version", base_url: str = "http://127.0.0.1:1") -> Any:
    t: Any = target()
    t.profile.data["build"] = {"path": path, "field": "commit"}
    t.settings.base_url = base_url
    return t


def run(*keys: str, **facts: Any) -> Any:
    kept = dict(facts)
    return SimpleNamespace(client=SimpleNamespace(identity={"spki_seen": list(keys)}), facts=kept, fact=kept.__setitem__)


def test_the_build_is_kept() -> None:
    this = run()
    BUILD.test_build_is_told(saw({"commit": "9902729"}), described(), this)
    assert this.facts == {"build": "9902729"}


@pytest.mark.parametrize("body", [{}, {"commit": ""}, {"commit": "  "}, {"commit": None}, {"commit": ["x"]}, []])
def test_a_build_that_is_not_told_is_a_finding(body: Any) -> None:
    with pytest.raises((Unmet, GateError)):
        BUILD.test_build_is_told(saw(body), described(), run())


def test_the_same_target_passes() -> None:
    BUILD.test_same_target(saw({"commit": "1"}), described(), run(KEY, build="1"))
    BUILD.test_same_target(saw({"status": "ok"}), target(), run(KEY))


@pytest.mark.parametrize(
    ("keys", "body", "before"), [((KEY, OTHER), {"commit": "1"}, "1"), ((KEY,), {"commit": "2"}, "1"), ((), {"commit": "1"}, None)]
)
def test_a_change_makes_it_inconclusive(keys: tuple[str, ...], body: Any, before: Any) -> None:
    with pytest.raises(Inconclusive):
        BUILD.test_same_target(saw(body), described(), run(*keys, build=before))


def test_without_an_answer_at_the_end_nothing_is_said() -> None:
    with pytest.raises((Unmet, Inconclusive)):
        BUILD.test_same_target(saw({}, 503), described(), run(KEY, build="1"))


def test_what_nothing_identifies_is_not_judged() -> None:
    with pytest.raises(Lacking, match="no TLS"):
        BUILD.at_the_end(target())
    plain = BUILD.at_the_end(described())
    secure: Any = target()
    secure.settings.base_url = "https://x.example"
    assert plain.target == "/version"
    assert plain.fresh
    assert BUILD.at_the_end(secure).fresh
