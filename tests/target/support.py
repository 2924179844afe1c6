"""Settings of a target that is not there."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "fixtures" / "profiles" / "supply_intel.toml"
TOKENS = {f"{name}_TOKEN": f"token-of-{name.lower()}-0123456789" for name in ("ADMIN", "QA", "OPS", "VIEWER")}
ENVIRONMENT = TOKENS | {"BASE_URL": "http://127.0.0.1:9"}


def without(*names: str, **more: str) -> dict[str, str]:
    """The environment without some variables, and with others."""
    return {key: value for key, value in ENVIRONMENT.items() if key not in names} | more


def changed(folder: Path, old: str, new: str, *, count: int = 1) -> str:
    """The shipped profile with that text replaced; the path of the copy."""
    text = SHIPPED.read_text(encoding="utf-8")
    assert old in text
    path = folder / "mine.toml"
    path.write_text(text.replace(old, new, count), encoding="utf-8")
    return str(path)
