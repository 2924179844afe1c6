"""Waivers from their file. Whether each may be used is decided when the run has found something (`gate/decide/waivers.py`)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from gate.errors import ConfigurationError
from gate.model import Waiver
from gate.target.toml import load_toml, validate

DAYS = ("from", "until")
A_DAY = "a day without quotes, like 2026-03-01"


def load_waivers(path: Path | None) -> tuple[Waiver, ...]:
    """The waivers in a file, none without one; ConfigurationError for what is missing, unknown or unusable in it."""
    if path is None:
        return ()
    data = load_toml(path)
    tables = data.get("waiver", [])
    if isinstance(tables, list) and all(isinstance(item, dict) for item in tables):
        data = {**data, "waiver": [_with_days_as_texts(path, number, item) for number, item in enumerate(tables)]}
    validate(path, data, "waivers.schema.json")
    return tuple(_waiver(path, number, item) for number, item in enumerate(data.get("waiver", [])))


def _with_days_as_texts(path: Path, number: int, item: dict[str, Any]) -> dict[str, Any]:
    """The same for JSON Schema, which knows no days."""
    for key in DAYS:
        if key in item and type(item[key]) is not date:  # a time of day would be a date to isinstance
            raise ConfigurationError(f"{path}: key 'waiver.{number}.{key}' is {item[key]!s:.60}", A_DAY, "Mend that key")
    return {key: value.isoformat() if key in DAYS else value for key, value in item.items()}


def _waiver(path: Path, number: int, item: dict[str, str]) -> Waiver:
    if item["until"] < item["from"]:
        raise ConfigurationError(
            f"{path}: key 'waiver.{number}.until' is {item['until']}, before its beginning", f"{item['from']} or later", "Mend that key"
        )
    texts = {key: value for key, value in item.items() if key not in DAYS}
    return Waiver(**texts, since=item["from"], until=item["until"])
