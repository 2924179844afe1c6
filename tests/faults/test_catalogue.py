"""Every fault is named, told, meant for somebody, and bites on a request of its kind."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import replace

import pytest

from faults import BENIGN, FAULTS, Fault, Request, core, fault
from faults.upstream import inject
from tests.faults.healthy import Healthy
from tests.faults.script import script

SEVERITIES = {"low", "medium", "high", "critical"}
NEEDS = {"revoked", "short-window", "short-limits", "no-database"}
# Rows of the fault classes that say nothing about a target like this one are told in the reports, not tried.
GROUPS = set("ABCDFGHIJKLMNOPQRSTVWXYZ")
SCRIPT = script()
TOGETHER = 8


async def instantly(_seconds: float) -> None:
    """Instead of sleeping."""


async def hits_of(item: Fault) -> int:
    """How many requests of the script it changes, up to the first few."""
    healthy = Healthy()
    places = healthy.shared.profile.places

    async def one(ask: Request) -> None:
        await inject(item, replace(ask, places=places(ask.method, ask.path)), healthy.shared, healthy.send)

    for start in range(0, len(SCRIPT), TOGETHER):
        await asyncio.gather(*map(one, SCRIPT[start : start + TOGETHER]))
        if healthy.shared.hits:
            break
    return healthy.shared.hits


@pytest.mark.parametrize("name", [*FAULTS, *BENIGN])
def test_it_bites(name, monkeypatch):
    monkeypatch.setattr("faults.upstream.asyncio.sleep", instantly)
    assert asyncio.run(hits_of({**FAULTS, **BENIGN}[name])) > 0


def test_nothing_bites_where_there_is_no_fault():
    async def honest(ask, up):
        return await up.send(ask)

    assert asyncio.run(hits_of(Fault("honest", "-", "-", (), "none", "baseline", (), malformed=False, act=honest))) == 0


def test_there_are_enough():
    assert len(FAULTS) >= 190
    assert len(BENIGN) >= 32
    assert not set(FAULTS) & set(BENIGN)


@pytest.mark.parametrize("item", FAULTS.values(), ids=FAULTS)
def test_a_fault_says_what_it_is(item):
    assert re.fullmatch(r"[a-z-]+\.[a-z0-9-]+", item.name)
    assert item.title
    assert not item.title.endswith(".")
    assert item.act.__doc__
    assert item.meant_for
    assert all(re.fullmatch(r"[A-Z]+-[\w*-]+", pattern) for pattern in item.meant_for)
    assert item.severity in SEVERITIES
    assert item.policy in {"baseline", "strict"}
    assert set(item.needs) <= NEEDS


def test_titles_and_names_are_unique():
    titles = Counter(item.title for item in [*FAULTS.values(), *BENIGN.values()])
    assert [title for title, number in titles.items() if number > 1] == []


def test_every_group_has_its_faults():
    assert {item.group[0] for item in FAULTS.values()} >= GROUPS
    assert sum(name.startswith("wire.") for name in FAULTS) >= 10
    assert sum(name.startswith("flaky.") for name in FAULTS) >= 10


def test_the_core_has_a_fault_for_every_control_and_every_row():
    chosen = [FAULTS[name] for name in core()]
    assert {item.group for item in chosen} == {item.group for item in FAULTS.values()}
    assert {key for item in chosen for key in item.meant_for} == {key for item in FAULTS.values() for key in item.meant_for}
    assert 180 <= len(chosen) < len(FAULTS)


def test_a_name_is_taken_once_only():
    taken = next(iter(FAULTS))
    with pytest.raises(ValueError, match="registered already"):
        fault(taken, group="A1", meant_for="PRE-001")


def test_harmless_variants_are_meant_for_no_control():
    assert all(item.meant_for == () and item.severity == "none" for item in BENIGN.values())
