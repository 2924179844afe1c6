"""From declared templates to the controls of a run; and the same list once more, read from the suites' sources without asking pytest."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gate.errors import ConfigurationError, GateError
from gate.model import Control, Criterion
from gate.plugin.decorators import SHAPE, TEMPLATE, Template
from gate.target.profile import Endpoint, Profile
from gate.target.settings import Settings

CATALOGUE = "catalogue.txt"
SELECTIONS: dict[str, Callable[[Endpoint], bool]] = {
    "protected": lambda endpoint: endpoint.protected and endpoint.guarded_by is None,
    "guarded": lambda endpoint: endpoint.protected and endpoint.guarded_by is not None,
    "open": lambda endpoint: endpoint.allow == "open",
    "public": lambda endpoint: endpoint.allow == "public",
}
PATIENCE = 6  # seconds: how long a window of the rate limit may be for a control that waits for its end


@dataclass(frozen=True, slots=True)
class Case:
    """One control of a run, with what it observes. `reason` says why it is not applicable, where it is not."""

    control: Control
    endpoint: Endpoint | None
    shape: Callable[..., Any] | None
    reason: str | None


def select(profile: Profile, selection: str) -> list[Endpoint]:
    """The endpoints of a selection."""
    return [endpoint for endpoint in profile.endpoints if SELECTIONS[selection](endpoint)]


def control_id(template_id: str, endpoint: Endpoint | None) -> str:
    """`RBAC-audit-events` for an endpoint's control, else the id as declared."""
    return f"{template_id}-{endpoint.id}" if endpoint else template_id


def expand(function: Any, source: str, settings: Settings) -> list[Case]:
    """The cases of one declared test function."""
    template: Template = getattr(function, TEMPLATE)
    endpoints: Sequence[Endpoint | None] = select(settings.profile, template.each) if template.each else [None]
    return [_case(template, getattr(function, SHAPE, None), source, settings, endpoint) for endpoint in endpoints]


def _case(template: Template, shape: Any, source: str, settings: Settings, endpoint: Endpoint | None) -> Case:
    title = template.title
    if endpoint is not None:
        title = title.format(method=endpoint.method, path=endpoint.path.split("?")[0].replace("{", "").replace("}", ""))
    control = Control(
        id=control_id(template.id, endpoint),
        title=title,
        severity=template.severity,
        basis=template.basis,
        criterion=template.criterion,
        phase=template.phase,
        safety=template.safety,
        suite=source.split("/")[1],
        source=source,
        references=template.references,
        why=template.why,
        mend=template.mend,
        feature=template.feature,
        endpoint=endpoint.id if endpoint else None,
        covers=template.covers,
        waivable=template.waivable and template.criterion is not Criterion.RECALL,
    )
    return Case(control, endpoint, shape, _not_applicable(template.feature, settings))


def _not_applicable(feature: str | None, settings: Settings) -> str | None:
    """Why a control that needs these features cannot apply to this target; None where it does."""
    reasons = (_lacking(part, settings) for part in (feature or "").split(",") if part)
    return next((reason for reason in reasons if reason), None)


def _lacking(part: str, settings: Settings) -> str | None:
    """Why one feature is not there: some come from the settings, all others are sections of the profile."""
    window, recall = settings.rate_limit_window_seconds, load_profile(settings).get("recall")
    of_settings: dict[str, tuple[Any, str]] = {
        "revoked_tokens": (settings.revoked_tokens, "no revoked token was given (REVOKED_TOKENS)"),
        "short_window": (window <= PATIENCE, f"the window of {window:g} s is longer than the {PATIENCE} s that the gate waits"),
        "with_load": (settings.with_load, "no load was asked for (gate run --with-load NAME)"),
        "recall_under_load": (recall, f"the load profile '{settings.with_load}' times no recall meanwhile"),
    }
    if part in of_settings:
        there, reason = of_settings[part]
        return None if there else reason
    if not settings.profile.has(part):
        return f"the profile {settings.profile.name} has no section [{part}]"
    return "DATABASE_URL is not set" if part == "database" and settings.database_url is None else None


def load_profile(settings: Settings) -> dict[str, Any]:
    """The profile of the load that was asked for; empty where there is none."""
    return dict(settings.profile.data.get("load", {}).get("profiles", {}).get(settings.with_load, {}))


def declared_ids(root: Path, profile: Profile) -> dict[str, str]:
    """Every control id that the sources under `root`/suites declare, with its file.

    Read with `ast`, so that no pytest option, plugin or failed import can make a control disappear from the plan.
    """
    found: dict[str, str] = {}
    for path in suite_files(root):
        source = path.relative_to(root).as_posix()
        for template_id, selection in _declarations(path):
            endpoints: Sequence[Endpoint | None] = select(profile, selection) if selection else [None]
            for endpoint in endpoints:
                key = control_id(template_id, endpoint)
                if key in found:
                    raise ConfigurationError(
                        f"the control {key} is declared twice, in {found[key]} and {source}", "every id once", "Rename one"
                    )
                found[key] = source
    return _listed_ids(root, profile) | found


def _listed_ids(root: Path, profile: Profile) -> dict[str, str]:
    """What the list beside the suites names: a suite's file that is gone leaves its controls in the plan, and they did not run."""
    path = root / "suites" / CATALOGUE
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    found: dict[str, str] = {}
    for template_id, selection, source in (line.split() for line in lines if line.strip() and not line.startswith("#")):
        endpoints: Sequence[Endpoint | None] = select(profile, selection) if selection != "-" else [None]
        found |= {control_id(template_id, endpoint): source for endpoint in endpoints}
    return found


def catalogue(root: Path) -> str:
    """That list, as it has to be for the suites as they are."""
    declared = [
        f"{template_id} {selection or '-'} {path.relative_to(root).as_posix()}"
        for path in suite_files(root)
        for template_id, selection in _declarations(path)
    ]
    return "\n".join(["# Every declared control: id, selection of endpoints, file. Made by `./run docs`.", *sorted(declared)]) + "\n"


def suite_files(root: Path) -> list[Path]:
    """The files that declare controls."""
    return sorted((root / "suites").rglob("test_*.py"))


def source_digests(root: Path) -> dict[str, str]:
    """SHA-256 of every Python file of the suites."""
    files = sorted((root / "suites").rglob("*.py"))
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _declarations(path: Path) -> list[tuple[str, str | None]]:
    try:
        nodes = list(ast.walk(ast.parse(path.read_bytes())))
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        raise GateError(f"{path}{line} is no valid Python ({error!s:.100})", "a suite that loads", "Reinstall gate, or mend it") from None
    aliases = [alias for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names if alias.name == "control"]
    names = {"control", *(alias.asname for alias in aliases if alias.asname)}
    found = []
    for node in nodes:
        if isinstance(node, ast.Call) and (getattr(node.func, "id", None) in names or getattr(node.func, "attr", None) == "control"):
            if not node.args or not isinstance(node.args[0], ast.Constant):
                raise ConfigurationError(f"{path}:{node.lineno}: a control's id is no literal", 'an id like "AUTH-001"', "Write it out")
            each = next((keyword.value for keyword in node.keywords if keyword.arg == "each"), None)
            found.append((str(node.args[0].value), str(each.value) if isinstance(each, ast.Constant) else None))
    if not found:
        raise GateError(f"{path} declares no control", "one or more in every suite file", "Reinstall gate, or remove the file")
    return found
