"""The one exception inside this room: why there is no whole answer. It never leaves `Client`."""

from __future__ import annotations

from gate.model import FailureKind


class NoAnswer(Exception):  # noqa: N818 - an expected outcome, not a programming error
    """Carries what becomes a `model.Failure`.

    Args:
        kind: the failure's kind.
        detail: one sentence of our own words and numbers, never text of the target's: it could hold control characters or echo a token.
    """

    def __init__(self, kind: FailureKind, detail: str) -> None:
        self.kind, self.detail = kind, detail
        super().__init__(detail)


def protocol(detail: str) -> NoAnswer:
    """The target spoke something that is not HTTP/1.x, or is ambiguous."""
    return NoAnswer(FailureKind.PROTOCOL, detail)


def too_large(limit: int) -> NoAnswer:
    """The body, as sent or decoded, is larger than `limit` bytes."""
    return NoAnswer(FailureKind.TOO_LARGE, f"the body is larger than the {limit} bytes that the probe accepts")


def reset(detail: str) -> NoAnswer:
    """The connection ended before the answer did."""
    return NoAnswer(FailureKind.RESET, detail)
