"""The catalogue: every control that a run against this kind of target would have, from the same collection, with nothing sent.

Settings are made up: each secret is a placeholder that names its variable, so that what is shown of a request can never hold a token.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gate.errors import ConfigurationError, GateError
from gate.model import Control, Probe
from gate.paths import data_root
from gate.plugin.cases import Case
from gate.plugin.engine import Engine, Silent, key_of, probes_in
from gate.plugin.launch import Launch
from gate.plugin.session import Session
from gate.redact import Redactor
from gate.target.policy import load_policy
from gate.target.profile import load_profile
from gate.target.settings import Settings, load_settings

RUN_ID = "run"
SENDS = "send"  # the plugin's fixture with which a check sends requests of its own
READS_RUN = "run"  # the plugin's fixture that holds what the whole run saw


@dataclass(frozen=True, slots=True)
class Drill:
    """A fixture of the suites in which requests are made, or the database is asked, for several controls to judge."""

    name: str
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One control: where it is declared, what it sends, and the drills it judges.

    `sends`: its check sends requests of its own besides. `reads_run`: it judges what the whole run saw. `reason` says why this profile
    does not have it, where it does not.
    """

    control: Control
    line: int
    probes: tuple[Probe, ...]
    drills: tuple[Drill, ...]
    sends: bool
    reads_run: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All entries in the order of a run. `variables`: each made-up secret, and how a shell would get the real one."""

    profile: str
    entries: tuple[Entry, ...]
    variables: dict[str, str]

    def entry(self, control_id: str) -> Entry:
        """The control of that id, in whatever case.

        Raises:
            ConfigurationError: there is none; it names the closest.
        """
        known = {entry.control.id.casefold(): entry for entry in self.entries}
        if control_id.casefold() in known:
            return known[control_id.casefold()]
        near = [known[key].control.id for key in difflib.get_close_matches(control_id.casefold(), known, n=3, cutoff=0.5)]
        hint = f"The closest: {', '.join(near)}" if near else ""
        raise ConfigurationError(f"there is no control {control_id[:80]}", "an id that `gate controls` lists", hint)

    def suite(self, name: str | None) -> list[Entry]:
        """The entries of one suite, or all.

        Raises:
            ConfigurationError: there is no suite of that name.
        """
        names = sorted({entry.control.suite for entry in self.entries})
        if name is not None and name not in names:
            raise ConfigurationError(f"there is no suite {name[:80]}", f"one of {', '.join(names)}")
        return [entry for entry in self.entries if name in (None, entry.control.suite)]


def collect(profile: str = "supply_intel") -> Catalogue:
    """The catalogue for a profile, by name or path.

    Raises:
        ConfigurationError: there is no such profile, or it cannot be used.
        GateError: the suites do not load.
    """
    settings = made_up_settings(profile)
    redactor = _Noting(settings.secrets)
    engine = Engine(settings, load_policy("baseline"), RUN_ID, Silent(), redactor)
    engine.target.decoy_token = "DECOY_TOKEN-made-up"  # noqa: S105 - no secret: nobody has it
    engine.target.ghost_uuid, engine.target.ghost_batch = "00000000-0000-4000-8000-000000000000", "GATE-GHOST-00000000"
    session, items = Session(engine, strict=True), _Items()
    unseen: dict[str, str] = {}
    session.on_plan = lambda _cases, missing: unseen.update(missing)
    launch = Launch(session)
    if launch.start("--collect-only", plugins=[items]) != 0 or not engine.cases:
        raise launch.broken()
    if unseen:
        raise GateError(f"pytest did not collect {', '.join(sorted(unseen))}", "every control that the suites declare", "Mend the suite")
    return Catalogue(settings.profile.name, tuple(items.entries(engine)), _variables(engine, redactor.learnt))


def made_up_settings(profile: str) -> Settings:
    """Settings for that profile in which every secret is a placeholder and every optional setting is given."""
    identities = load_profile(profile).identities.values()
    environment = {identity.token_env: f"{identity.token_env}-made-up" for identity in identities}
    environment |= {
        "BASE_URL": "https://target.example",
        "DATABASE_URL": "postgresql:///made-up",
        "REVOKED_TOKENS": "REVOKED_TOKEN-made-up",
        "RATE_LIMIT_WINDOW_SECONDS": "1",  # short enough to wait for its end
    }
    # The folder is one in which nobody keeps an env file: what a user has there must not change the catalogue.
    return load_settings({"profile": profile}, environment, data_root() / "suites")


class _Noting(Redactor):
    """Remembers what suites derive from a token."""

    def __init__(self, secrets: list[str]) -> None:
        super().__init__(secrets)
        self.learnt: list[str] = []

    def add(self, secret: str) -> None:
        """Learn and remember."""
        super().add(secret)
        if hasattr(self, "learnt"):
            self.learnt.append(secret)


class _Items:
    """Takes pytest's items when the collection is finished."""

    def __init__(self) -> None:
        self._items: Sequence[Any] = ()

    def pytest_collection_finish(self, session: Any) -> None:
        """Before pytest goes on to do nothing with them."""
        self._items = session.items

    def entries(self, engine: Engine) -> list[Entry]:
        """An entry for each item: the engine has the cases in the same order."""
        return [_entry(item, case, shape) for item, (case, shape) in zip(self._items, engine.cases, strict=True)]


def _entry(item: Any, case: Case, shape: Any) -> Entry:
    if hasattr(item, "gate_broken"):
        raise GateError(f"the probes of {case.control.id} could not be built ({item.gate_broken!r:.200})", "probes", "Mend the suite")
    fixtures = item._fixtureinfo.name2fixturedefs  # noqa: SLF001 - pytest has no public name for an item's fixtures
    drills = [drill for name, found in fixtures.items() if (drill := _drill(name, found[-1].func)) is not None]
    own = case.reason is None and SENDS in item.fixturenames
    probes = {key_of(probe): probe for probe in probes_in(shape)}
    reads_run = READS_RUN in item._fixtureinfo.argnames  # noqa: SLF001 - the test's own arguments, not those of its drills
    return Entry(case.control, item.function.__code__.co_firstlineno, tuple(probes.values()), tuple(drills), own, reads_run, case.reason)


def _drill(name: str, function: Any) -> Drill | None:
    """The fixture, if the suites define it."""
    function = inspect.unwrap(function)
    path = Path(function.__code__.co_filename)
    if not path.is_relative_to(data_root() / "suites"):
        return None
    source = f"{path.relative_to(data_root()).as_posix()}:{function.__code__.co_firstlineno}"
    return Drill(name, source, str(function.__doc__ or "").strip().split("\n")[0])


def _variables(engine: Engine, learnt: Sequence[str]) -> dict[str, str]:
    """Shell words for the made-up secrets, the longest first, so that none is found within another."""
    found = {engine.target.decoy_token: "$DECOY_TOKEN", engine.settings.revoked_tokens[0]: "$REVOKED_TOKEN"}
    for name, token in engine.settings.tokens.items():
        variable = engine.settings.profile.identities[name].token_env
        found[token] = f"${{{variable}}}"
        found[token[:-1]] = f"${{{variable}%?}}"
        found[token.swapcase()] = f"$(printf %s \"${variable}\" | tr 'A-Za-z' 'a-zA-Z')"
    for text in learnt:
        if not any(secret in text for secret in found):
            found[text] = "$DERIVED_TOKEN"
    return {secret: found[secret] for secret in sorted(found, key=len, reverse=True)}
