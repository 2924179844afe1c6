"""UUIDs for formats that demand them, made from what they stand for, so that the same record gives the same bytes."""

from __future__ import annotations

from uuid import NAMESPACE_URL, UUID, uuid5

from gate.model import RunRecord
from gate.report.clean import line

GATE = uuid5(NAMESPACE_URL, "urn:cutover-gate")


def lasting(*parts: str) -> str:
    """The same in every run: for a control."""
    return _made(GATE, parts)


def of_run(record: RunRecord, *parts: str) -> str:
    """Of this run alone: made from the head of its journal, which no other run has."""
    return _made(uuid5(GATE, record.head), parts)


def _made(space: UUID, parts: tuple[str, ...]) -> str:
    return str(uuid5(space, "\n".join(line(part) for part in parts)))
