"""The one rule that turns Python values into JSON."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from pathlib import Path

import pytest
import rfc8785

from gate.errors import EvidenceError
from gate.evidence.values import plain
from gate.model import Outcome, Phase


@dataclass
class Holder:
    shown: Decimal
    hidden: str = field(default="secret", repr=False)


class Big(IntEnum):
    HUGE = 2**60


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("650.00"), "650.00"),
        (Outcome.PASSED, "passed"),
        (Phase.BURST, 3),
        (Big.HUGE, str(2**60)),
        (Holder(Decimal(1)), {"shown": "1"}),
        (b"caf\xc3\xa9\xff", "café\\xff"),
        (bytearray(b"x"), "x"),
        (2**53 - 1, 2**53 - 1),
        (2**53, "9007199254740992"),
        (-(2**53), "-9007199254740992"),
        (1e300, "1e+300"),
        (0.1, 0.1),
        (True, True),
        (None, None),
        ((1, (2,)), [1, [2]]),
        ({"b", "a"}, ["a", "b"]),
        ({1: 2, None: 3, Outcome.ERROR: 4}, {"1": 2, "None": 3, "error": 4}),
        ("half \ud83d pair", "half \ufffd pair"),
        ("whole \ud83d\udd11", "whole 🔑"),
        ({"\udcff": "\udcff"}, {"\ufffd": "\ufffd"}),
        (Path("/a/b"), "/a/b"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02 00:00:00+00:00"),
    ],
)
def test_each_kind_of_value(value: object, expected: object) -> None:
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)
    rfc8785.dumps(plain(value))  # type: ignore[arg-type]


def test_an_integer_too_long_to_print_is_kept_in_hexadecimal() -> None:
    assert plain(10**5000) == hex(10**5000)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")], object(), {"a": print}, {1: "a", "1": "b"}, Outcome])
def test_what_is_no_measurement_is_refused(value: object) -> None:
    with pytest.raises(EvidenceError, match="recorded"):
        plain(value)
