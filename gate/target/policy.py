"""The policy: which failed controls block a release."""

from __future__ import annotations

from pathlib import Path

from gate.decide.verdict import Policy
from gate.errors import ConfigurationError
from gate.model import Severity
from gate.paths import data_root
from gate.target.toml import load_toml, validate


def load_policy(name: str) -> Policy:
    """Load a shipped policy by name, or any by a path ending in .toml; ConfigurationError for what is unknown in it."""
    folder = data_root() / "fixtures" / "policies"
    path = Path(name) if name.endswith(".toml") else folder / f"{name}.toml"
    if not path.is_file() and not name.endswith(".toml"):
        known = ", ".join(sorted(item.stem for item in folder.glob("*.toml")))
        raise ConfigurationError(f"there is no policy '{name}'", f"one of {known} or a path ending in .toml", "Check --policy")
    data = load_toml(path)
    validate(path, data, "policy.schema.json")
    floors = {key: None if value == "never" else Severity(value) for key, value in data["block"].items()}
    return Policy(str(data["name"]), floors["contract"] or Severity.LOW, floors["hardening"])
