"""The plan: which controls the suites declare, read from their sources, and what becomes of a declaration."""

from __future__ import annotations

import ast
import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gate.errors import ConfigurationError, GateError
from gate.model import Basis, Criterion, Phase, Safety, Severity
from gate.plugin.cases import declared_ids, expand, source_digests
from gate.plugin.decorators import control, observe
from gate.target.profile import Profile
from gate.target.settings import Settings, load_settings
from tests.plugin.support import PROFILE, ROOT, check

PARTS = {"severity": "high", "criterion": "auth", "why": "so", "mend": "do"}


def profile(more: str = "") -> Profile:
    return Profile(Path("tiny.toml"), tomllib.loads(PROFILE + more))


def suites(folder: Path, **files: str) -> Path:
    """A data folder with these files under suites/security/."""
    for name, text in files.items():
        path = folder / "suites" / "security" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def declaration(control_id: str, **more: str) -> str:
    options = "".join(f", {key}={value!r}" for key, value in more.items())
    return f'@control("{control_id}", "t"{options})\ndef test_{control_id.lower().replace("-", "_")}():\n    pass\n\n'


def test_every_declaration_is_found_with_its_file(tmp_path: Path) -> None:
    root = suites(tmp_path, test_one=declaration("A-1") + declaration("A-2"), test_two=declaration("B-1"), conftest="X = 1\n")
    assert declared_ids(root, profile()) == {
        "A-1": "suites/security/test_one.py",
        "A-2": "suites/security/test_one.py",
        "B-1": "suites/security/test_two.py",
    }


def test_one_id_for_each_endpoint_of_a_selection(tmp_path: Path) -> None:
    root = suites(tmp_path, test_one=declaration("RBAC", each="protected") + declaration("OPEN", each="open") + declaration("A-1"))
    assert list(declared_ids(root, profile())) == ["RBAC-one", "RBAC-two", "A-1"]
    more = '[[endpoints]]\nid = "three"\nmethod = "GET"\npath = "/three"\nallow = "open"\n'
    assert list(declared_ids(root, profile(more))) == ["RBAC-one", "RBAC-two", "OPEN-three", "A-1"]


HIDDEN = {
    "in a class": "class TestX:\n    @control('A-1', 't')\n    def test_x(self): pass\n",
    "in an if": "if False:\n    @control('A-1', 't')\n    def test_x(): pass\n",
    "in a function": "def make():\n    @control('A-1', 't')\n    def test_x(): pass\n",
    "after a skip of the whole file": "import pytest\npytest.skip('no', allow_module_level=True)\n" + declaration("A-1"),
    "behind a mark": "@pytest.mark.skip\n" + declaration("A-1"),
    "under another name": "from gate.api import control as c\n@c('A-1', 't')\ndef test_x(): pass\n",
    "as an attribute": "import gate.api\n@gate.api.control('A-1', 't')\ndef test_x(): pass\n",
    "as a decorator kept in a name": "mine = control('A-1', 't')\n@mine\ndef test_x(): pass\n",
}


@pytest.mark.parametrize("case", HIDDEN)
def test_no_declaration_hides(case: str, tmp_path: Path) -> None:
    """Whatever pytest will make of it: it is in the plan."""
    assert list(declared_ids(suites(tmp_path, test_x=HIDDEN[case]), profile())) == ["A-1"]


def test_what_only_looks_like_a_declaration_is_none(tmp_path: Path) -> None:
    text = '"""control("DOC-1")"""\n# @control("COMMENT-1")\ncontrols("CALL-1")\nT = "control(\'TEXT-1\')"\n' + declaration("A-1")
    assert list(declared_ids(suites(tmp_path, test_x=text), profile())) == ["A-1"]


TWICE = {
    "in one file": {"test_one": declaration("A-1") * 2},
    "in two files": {"test_one": declaration("A-1"), "test_two": declaration("A-1")},
    "once for an endpoint": {"test_one": declaration("RBAC", each="protected"), "test_two": declaration("RBAC-two")},
}


@pytest.mark.parametrize("case", TWICE)
def test_an_id_that_is_declared_twice_is_refused(case: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"is declared twice, in suites/security/test_one\.py and suites/security/test_"):
        declared_ids(suites(tmp_path, **TWICE[case]), profile())


@pytest.mark.parametrize("argument", ['"A" + "-1"', 'f"A-{1}"', "NAME", "", "**PARTS"])
def test_an_id_that_is_no_literal_is_refused(argument: str, tmp_path: Path) -> None:
    root = suites(tmp_path, test_x=f"\n@control({argument})\ndef test_x(): pass\n")
    with pytest.raises(ConfigurationError, match=r"test_x\.py:2: a control's id is no literal"):
        declared_ids(root, profile())


@pytest.mark.parametrize("text", ["def (:\n", "@control('A-1', 't'\n", "\tx = 1\n y = 2\n", "x = '\0'\n"])
def test_a_file_that_is_no_python_is_one_sentence(text: str, tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"suites/security/test_x\.py.* is no valid Python") as told:
        declared_ids(suites(tmp_path, test_x=text), profile())
    assert "\n" not in told.value.sentence


@pytest.mark.parametrize("text", ["", "\n\n", '"""Only words."""\n', "# @control('A-1', 't')\ndef test_x(): pass\n"])
def test_a_file_that_declares_no_control_is_refused(text: str, tmp_path: Path) -> None:
    """An emptied file takes its controls away without a trace."""
    with pytest.raises(GateError, match=r"suites/security/test_x\.py declares no control"):
        declared_ids(suites(tmp_path, test_one=declaration("A-1"), test_x=text), profile())


def test_the_digests_are_those_of_every_python_file(tmp_path: Path) -> None:
    files = {"test_one": declaration("A-1"), "conftest": "X = 1\n", "helper": ""}
    assert source_digests(suites(tmp_path, **files)) == {
        f"suites/security/{name}.py": hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()
    }


def settings(tmp_path: Path, **more: str) -> Settings:
    environ = {f"{name}_TOKEN": f"token-of-{name}-0123456789" for name in ("ADMIN", "QA", "OPS", "VIEWER")}
    return load_settings({}, environ | {"BASE_URL": "http://127.0.0.1:9"} | more, tmp_path)


def declared(**more: Any) -> Any:
    def test_x() -> None:
        """Nothing to do."""

    return control("A-1", "It holds", **PARTS | more)(test_x)


def test_a_declaration_becomes_a_control(tmp_path: Path) -> None:
    function = observe(lambda t: t)(
        declared(basis="hardening", phase=Phase.DRILLS, safety="drill", refs=["one", "two"], feature="recall,trace")
    )
    (case,) = expand(function, "suites/security/test_x.py", settings(tmp_path))
    found = case.control
    assert (found.id, found.title, found.severity, found.criterion) == ("A-1", "It holds", Severity.HIGH, Criterion.AUTH)
    assert (found.basis, found.phase, found.safety) == (Basis.HARDENING, Phase.DRILLS, Safety.DRILL)
    assert (found.suite, found.source, found.references) == ("security", "suites/security/test_x.py", ("one", "two"))
    assert (found.why, found.mend, found.feature, found.endpoint) == ("so", "do", "recall,trace", None)
    assert case.reason is None
    assert case.shape is not None


@pytest.mark.parametrize("key", ["severity", "criterion", "basis", "safety"])
def test_a_word_that_is_none_is_refused(key: str) -> None:
    """Nothing falls back to a default."""
    with pytest.raises(ValueError, match="is not a valid"):
        declared(**{key: "hgih"})


def test_a_control_for_each_endpoint(tmp_path: Path) -> None:
    given = settings(tmp_path)
    cases = expand(declared(each="protected"), "suites/security/test_x.py", given)
    endpoints = [item for item in given.profile.endpoints if item.protected and not item.guarded_by]
    assert [case.control.id for case in cases] == [f"A-1-{endpoint.id}" for endpoint in endpoints]
    assert [case.control.endpoint for case in cases] == [endpoint.id for endpoint in endpoints]
    assert [case.endpoint for case in cases] == endpoints


# The features that a control needs, the variables that are set, and why it is not applicable (None: it is).
FEATURES = {
    "none": (None, {}, None),
    "a section": ("recall", {}, None),
    "two sections": ("recall,trace", {}, None),
    "a section that the profile lacks": ("teleport", {}, "no section [teleport]"),
    "one of two is lacking": ("recall,teleport", {}, "no section [teleport]"),
    "a part of every profile, which is no feature": ("limits", {}, "no section [limits]"),
    "a limit whose window is long": ("short_window", {"RATE_LIMIT_WINDOW_SECONDS": "3600"}, "the window of 3600 s is longer"),
    "a limit whose window is short": ("short_window", {"RATE_LIMIT_WINDOW_SECONDS": "1"}, None),
    "a database that is not given": ("database", {}, "DATABASE_URL is not set"),
    "a database that is given": ("database", {"DATABASE_URL": "postgresql://u:p@127.0.0.1/d"}, None),
    "revoked tokens that are not given": ("revoked_tokens", {}, "REVOKED_TOKENS"),
    "revoked tokens that are given": ("revoked_tokens", {"REVOKED_TOKENS": "revoked-token-1"}, None),
}


@pytest.mark.parametrize("case", FEATURES)
def test_features(case: str, tmp_path: Path) -> None:
    feature, variables, reason = FEATURES[case]
    (found,) = expand(declared(feature=feature), "suites/security/test_x.py", settings(tmp_path, **variables))
    assert (found.reason is None) if reason is None else (reason in (found.reason or ""))


def test_no_shipped_control_needs_a_feature_that_no_profile_can_have(tmp_path: Path) -> None:
    """A misspelt feature would make its control not applicable everywhere, and nobody would miss it."""
    schema = json.loads((ROOT / "fixtures" / "schemas" / "profile.schema.json").read_text(encoding="utf-8"))
    needed = {
        part
        for path in (ROOT / "suites").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for key, value in named(node)
        if key == "feature" and isinstance(value, ast.Constant)
        for part in str(value.value).split(",")
    }
    assert {"recall", "audit_pack", "revoked_tokens"} <= needed
    others = needed - set(schema["properties"])
    reasons = {part: expand(declared(feature=part), "suites/security/test_x.py", settings(tmp_path))[0].reason for part in others}
    assert not [part for part, reason in reasons.items() if "has no section" in (reason or "")]


def test_load_that_nobody_asked_for_is_not_applicable(tmp_path: Path) -> None:
    reason = expand(declared(feature="load,with_load"), "suites/load/test_x.py", settings(tmp_path))[0].reason
    assert "section [load]" in (reason or "") or reason == "no load was asked for (gate run --with-load NAME)"


def named(node: ast.AST) -> list[tuple[object, ast.expr]]:
    """The named values of a call, or of a dictionary of such (`**DRILL`)."""
    if isinstance(node, ast.Call):
        return [(keyword.arg, keyword.value) for keyword in node.keywords]
    if isinstance(node, ast.Dict):
        return [(key.value, value) for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)]
    return []


def test_the_made_up_suites_of_these_tests_are_declared_as_written(tmp_path: Path) -> None:
    assert list(declared_ids(suites(tmp_path, test_x=check("X-001") + check("X-002")), profile())) == ["X-001", "X-002"]
