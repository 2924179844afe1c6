"""`@control` and `@observe`: how a suite declares what must hold and what is sent to find out. They only attach; nothing runs here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from gate.model import Basis, Criterion, Phase, Safety, Severity

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
    """
    words = (Severity(severity), Criterion(criterion), Basis(basis), phase, Safety(safety))
    template = Template(id, title, *words, tuple(refs), why, mend, feature, each, tuple(covers))

    return _attach(TEMPLATE, template)


def observe(shape: Callable[..., Any]) -> Callable[[F], F]:
    """Declare the probes of a control: `shape(t)`, or `shape(t, endpoint)` with `each`, returns a Probe, or lists and dicts of them.

    The test's `observed` argument has the same shape, with the observation in each probe's place.
    """
    return _attach(SHAPE, shape)


def _attach(name: str, value: object) -> Callable[[F], F]:
    def attach(function: F) -> F:
        setattr(function, name, value)
        return function

    return attach
