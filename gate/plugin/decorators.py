"""`@control`, `@observe` and `@drill`: how a suite declares what must hold and what is sent to find out. Nothing runs here."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from gate.model import Basis, Criterion, Phase, Safety, Severity
from gate.plugin.drills import DRILL, Drill

F = TypeVar("F", bound=Callable[..., Any])
TEMPLATE, SHAPE = "__gate_control__", "__gate_observe__"


@dataclass(frozen=True, slots=True)
class Template:
    """A control as declared; with `each`, one control is made of it for every endpoint of that selection (`cases.SELECTIONS`)."""

    id: str
    title: str
    severity: Severity
    criterion: Criterion
    basis: Basis
    phase: Phase
    safety: Safety
    references: tuple[str, ...]
    why: str
    mend: str
    feature: str | None
    each: str | None
    covers: tuple[str, ...]
    waivable: bool


def control(
    id: str,  # noqa: A002 - the word of the field
    title: str,
    *,
    severity: str,
    criterion: str,
    why: str,
    mend: str,
    basis: str = "contract",
    phase: Phase = Phase.PROBES,
    safety: str = "read",
    refs: tuple[str, ...] | list[str] = (),
    feature: str | None = None,
    each: str | None = None,
    covers: tuple[str, ...] = (),
    waivable: bool = True,
) -> Callable[[F], F]:
    """Declare a test function as the check of one control.

    Args:
        id: stable, unique; with `each` the endpoint's id is appended.
        title: one sentence: what must hold. With `each` it may hold {method} and {path}.
        severity: low, medium, high or critical.
        criterion: gate, recall, audit, auth or errors: the go/no-go line it belongs to.
        why: what happens to the business where it does not hold.
        mend: how to make it hold.
        basis: contract (the checklist or profile demands it) or hardening (industry practice beyond).
        phase: when its probes are sent.
        safety: the strongest class among its probes.
        refs: OWASP, ASVS, WSTG, checklist sections.
        feature: sections of the profile that it needs (comma-joined); without them it is not applicable.
        each: a selection of the profile's endpoints.
        covers: the fault classes that it catches, by their rows in fixtures/coverage.toml.
        waivable: whether a waiver may cover its failure; not for a bypass of authentication, nor the audit pack's checksums. The recall
            criterion is never waived.
    """
    words = (Severity(severity), Criterion(criterion), Basis(basis), phase, Safety(safety))
    template = Template(id, title, *words, tuple(refs), why, mend, feature, each, tuple(covers), waivable)

    return _attach(TEMPLATE, template)


def observe(shape: Callable[..., Any]) -> Callable[[F], F]:
    """Declare the probes of a control: `shape(t)`, or `shape(t, endpoint)` with `each`, returns a Probe, or lists and dicts of them.

    The test's `observed` argument has the same shape, with the observation in each probe's place.
    """
    return _attach(SHAPE, shape)


def drill(*, alone: bool = False, after: tuple[str, ...] = ()) -> Callable[[Callable[..., Any]], Any]:
    """Declare a drill: a sequence of calls that is made once, at the beginning of the drills' phase, for several controls to judge.

    The function takes `run`, perhaps `t`, and the names of drills whose results it needs. A test (or a fixture) that takes its name gets
    what it returned; what it raised is raised there, and in no control that does not judge it.

    Args:
        alone: it is carried out before all others, with nothing else in flight: what is timed.
        after: drills that must have ended before it begins, whatever came of them, where they are part of the run.
    """

    def declare(function: Callable[..., Any]) -> Any:
        import pytest

        declared = Drill(function.__name__, function, alone, after)

        @functools.wraps(function)  # also its parameters: pytest then knows the drills that it needs
        def fixture(**given: Any) -> Any:
            return given["run"].drills.result(declared)

        setattr(fixture, DRILL, declared)
        return pytest.fixture(scope="session")(fixture)

    return declare


def _attach(name: str, value: object) -> Callable[[F], F]:
    def attach(function: F) -> F:
        setattr(function, name, value)
        return function

    return attach
