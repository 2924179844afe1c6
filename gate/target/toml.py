"""Read a TOML file against a JSON Schema; an error names file, key, and what was expected there."""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from pathlib import Path
from typing import Any

from gate.errors import ConfigurationError
from gate.paths import data_root


def load_toml(path: Path) -> dict[str, Any]:
    """The file's content; ConfigurationError where it is missing, unreadable or no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{path} does not exist", "a TOML file", "Check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read ({error})", "a readable UTF-8 file") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is no valid TOML: {error}", "TOML", "Mend that line") from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path!s:.200} cannot be read ({error})", "a path to a TOML file that is not nested so deeply") from None


def validate(path: Path, data: dict[str, Any], schema_name: str) -> None:
    """Check `data` against `fixtures/schemas/<schema_name>`; ConfigurationError for the first error found, deepest first."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow to load, and not every command needs it
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - as above

    schema = json.loads((data_root() / "fixtures" / "schemas" / schema_name).read_text(encoding="utf-8"))
    errors = list(Draft202012Validator(schema).iter_errors(data))
    # A misspelt key is unknown, and the right one missing: the first says more.
    error = best_match([item for item in errors if item.validator == "additionalProperties"] or errors)
    if error is not None:
        raise _as_configuration_error(path, error)
    _refuse_infinite(path, data, "")


def _refuse_infinite(path: Path, value: Any, key: str) -> None:
    """TOML knows nan and inf, and every comparison with nan is false: no limit may be one."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigurationError(f"{path}: key '{key}' is {value}", "a finite number", "Mend that key")
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        _refuse_infinite(path, item, f"{key}.{name}" if key else str(name))


def _as_configuration_error(path: Path, error: Any) -> ConfigurationError:
    where = ".".join(str(part) for part in error.absolute_path) or "the file"
    if error.validator == "additionalProperties":
        return _unknown_key(path, where, error)
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return ConfigurationError(f"{path}: key '{missing}' is missing in {where}", "it to be set", f"Add '{missing}'")
    return ConfigurationError(f"{path}: key '{where}' is {_short(error.instance)}", _expectation(error), "Mend that key")


def _unknown_key(path: Path, where: str, error: Any) -> ConfigurationError:
    known = sorted(error.schema.get("properties", {}))
    unknown = next(key for key in error.instance if key not in known)
    close = difflib.get_close_matches(unknown, known, n=1)
    hint = f"Did you mean '{close[0]}'?" if close else "Remove it or correct its name"
    return ConfigurationError(f"{path}: unknown key '{unknown}' in {where}", f"one of {', '.join(known)}", hint)


def _expectation(error: Any) -> str:
    value = error.validator_value
    if error.validator in ("type", "enum"):
        names = [value] if isinstance(value, str) else list(value)
        return ("a value of type " if error.validator == "type" else "one of ") + " or ".join(map(str, names))
    texts = {
        "minimum": "{} or more",
        "maximum": "{} or less",
        "exclusiveMinimum": "more than {}",
        "pattern": "text that matches {}",
        "minItems": "at least {} entries",
        "minProperties": "at least {} entries",
        "uniqueItems": "no entry twice",
        "maxLength": "{} characters at most",
        "maxItems": "{} entries at most",
    }
    known = texts.get(error.validator, "").format(value)
    return str(error.schema.get("description") or known or f"a value that satisfies '{error.validator}'")


def _short(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
