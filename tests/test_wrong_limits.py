"""Ways in which gates are known to pass when they should not, each tried here: data, limits and settings that are not what they seem.

The name of a case is the fault. Those about targets and checks are in test_wrong_passes.py.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gate.decide.rollback import Sample, evaluate
from gate.decide.verdict import decide
from gate.errors import ConfigurationError
from gate.model import TriggerState, Verdict
from gate.target.policy import load_policy
from gate.target.profile import load_profile
from tests.decide.support import BASELINE, PLAN, control, healthy, result, saw
from tests.plugin.lab import API, INCONCLUSIVE, NO_GO, Cases, Lab, no_pass
from tests.plugin.support import PROFILE, ROOT, TOKENS, check
from tests.target.support import changed

case = Cases()


# ---- the data is not there --------------------------------------------------------------------------------------------------------


def verdict(found: dict[str, Any], *not_applicable: str, plan: Any = PLAN) -> Verdict:
    return decide(plan, found, BASELINE, not_applicable).verdict


def trigger(name: str, samples: list[Sample], found: dict[str, Any] | None = None, sustained: int = 2) -> TriggerState:
    known = healthy() if found is None else found
    return {t.id: t.state for t in evaluate(PLAN, known, BASELINE, samples, sustained=sustained, actions=["revert"])}[name]


def timed(*seconds: float | None, available: bool = True) -> list[Sample]:
    return [Sample("recall", available, item, 10.0) for item in seconds]


@case("there is no data at all")
def _(_lab: Lab) -> None:
    assert verdict({}) is Verdict.INCONCLUSIVE
    assert verdict({}, plan=()) is Verdict.INCONCLUSIVE
    assert trigger("recall-unavailable", []) is TriggerState.UNKNOWN


@case("only findings that do not block are there")
def _(_lab: Lab) -> None:
    plan = [control(item.id, item.criterion, basis="hardening", suite=item.suite) for item in PLAN]
    assert verdict({item.id: result(item.id, "failed") for item in plan}, plan=plan) is Verdict.INCONCLUSIVE


@case("a control has no result")
def _(_lab: Lab) -> None:
    assert {verdict({key: item for key, item in healthy().items() if key != left.id}) for left in PLAN} == {Verdict.INCONCLUSIVE}


@case("what does not apply outranks a failure")
def _(_lab: Lab) -> None:
    plan = [*PLAN, control("N-1", "audit"), control("N-2", "audit")]
    found = healthy() | {"N-1": result("N-1", "not_applicable"), "N-2": result("N-2", "failed")}
    assert verdict(found, "audit", plan=plan) is Verdict.NO_GO


@case("an undecided control decides nothing")
def _(_lab: Lab) -> None:
    for outcome in ("inconclusive", "error", "not_run"):
        assert verdict(healthy() | {"REC-1": result("REC-1", outcome)}) is Verdict.INCONCLUSIVE
        undecided = healthy() | {"AUD-1": result("AUD-1", outcome)}
        assert trigger("pack-mismatch", timed(1, 1), undecided) is TriggerState.UNKNOWN
        assert trigger("gate-failure", timed(1, 1), undecided) is TriggerState.UNKNOWN


@case("the part of the service to watch is not found, so it is not watched")
def _(lab: Lab) -> None:
    lab.profile.write_text((PROFILE + API).replace('["recall", "audit"]', '["audit"]'), encoding="utf-8")
    lab.adds(check("X-001", feature="recall", criterion="recall"))
    no_pass(lab.run(), INCONCLUSIVE, "X-001", "not_applicable")


@case("a field that the profile names wrongly is nowhere, and nobody looks for it")
def _(lab: Lab) -> None:
    for key, control_id in (("user_field", "PRE-002"), ("roles_field", "PRE-002"), ("enabled_field", "PRE-003")):
        lab.profile.write_text(re.sub(rf'{key} = ".*"', f'{key} = "no_such_field"', PROFILE + API), encoding="utf-8")
        no_pass(lab.run(), NO_GO, control_id)
        shutil.rmtree(lab.made.root / "reports")


# ---- the limits are not what they seem --------------------------------------------------------------------------------------------


@case("a measurement is no number, and every comparison with it is false")
def _(_lab: Lab) -> None:
    for seconds in (float("nan"), float("inf"), -1.0, None):
        assert trigger("recall-unavailable", timed(seconds, seconds)) is TriggerState.FIRED
    with pytest.raises(AssertionError, match="no valid JSON"):
        saw(200, b'{"qty": NaN}').json()


@case("a limit is no number")
def _(lab: Lab) -> None:
    for value in ("nan", "inf", "0", "-1", '"10"'):
        with pytest.raises(ConfigurationError):
            load_profile(changed(lab.folder, "limit_seconds = 10\nbatch_field", f"limit_seconds = {value}\nbatch_field"))


@case("an objective has no limit, and is always met")
def _(lab: Lab) -> None:
    with pytest.raises(ConfigurationError, match="'limit_seconds' is missing"):
        load_profile(changed(lab.folder, "limit_seconds = 10\nbatch_field", "batch_field"))


@case("a limit is off by one, or the wrong way round")
def _(_lab: Lab) -> None:
    for seconds, state in ((9.999, TriggerState.CLEAR), (10.0, TriggerState.FIRED), (10.001, TriggerState.FIRED)):
        assert trigger("recall-unavailable", timed(seconds, seconds)) is state


@case("too few samples for a judgement are judged")
def _(_lab: Lab) -> None:
    assert trigger("recall-unavailable", timed(1)) is TriggerState.UNKNOWN
    assert trigger("recall-unavailable", timed(99)) is TriggerState.UNKNOWN


@case("old data dilutes what happens now")
def _(_lab: Lab) -> None:
    assert trigger("recall-unavailable", [*timed(*[1.0] * 1000), *timed(99, 99)]) is TriggerState.FIRED


@case("a recovery makes what happened before it disappear")
def _(_lab: Lab) -> None:
    assert trigger("recall-unavailable", [*timed(99, 99), *timed(*[1.0] * 1000)]) is TriggerState.FIRED


@case("one reason to roll back hides another")
def _(_lab: Lab) -> None:
    found = {"AUD-1": result("AUD-1", "failed"), "AUTH-1": result("AUTH-1", "failed", "bypass")}
    slow = timed(99, 99)
    names = ("gate-failure", "recall-unavailable", "pack-mismatch", "auth-bypass")
    assert {trigger(name, slow, found) for name in names} == {TriggerState.FIRED}


# ---- the settings are not what they seem ------------------------------------------------------------------------------------------


@case("a misspelt word becomes a default")
def _(lab: Lab) -> None:
    policy = lab.folder / "mine.toml"
    policy.write_text('name = "mine"\n[block]\ncontract = "medium"\nhardening = "hihg"\n', encoding="utf-8")
    for name in ("stict", str(policy), str(lab.folder / "nowhere.toml")):
        with pytest.raises(ConfigurationError):
            load_policy(name)
    (lab.made.root / ".env").write_text("GATE_POLCY=strict\n", encoding="utf-8")
    done = lab.run()
    assert (done.status, lab.asked) == (2, [])
    assert done.is_one_sentence()


@case("a policy lets nothing block")
def _(lab: Lab) -> None:
    path = lab.folder / "mine.toml"
    for floor in ("never", "critical", "high"):
        path.write_text(f'name = "mine"\n[block]\ncontract = "{floor}"\nhardening = "never"\n', encoding="utf-8")
        with pytest.raises(ConfigurationError, match=r"block\.contract"):
            load_policy(str(path))


@case("there is no policy, no profile, or nothing in it")
def _(lab: Lab) -> None:
    empty = lab.folder / "empty.toml"
    empty.write_text("", encoding="utf-8")
    for load in (load_policy, load_profile):
        for name in ("nothing", str(empty), str(lab.folder / "nowhere.toml")):
            with pytest.raises(ConfigurationError):
                load(name)


@case("only the first entry of a list is validated")
def _(lab: Lab) -> None:
    text = (ROOT / "fixtures" / "profiles" / "supply_intel.toml").read_text(encoding="utf-8")
    last = text.rindex('method = "')
    path = lab.folder / "mine.toml"
    path.write_text(f'{text[:last]}method = "GRAB" #{text[last:]}', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"endpoints\.\d\d\.method"):
        load_profile(str(path))


WRONG = [[], ["rnu"], ["run"], ["run", "--polcy", "strict"], ["run", "stray"], ["run", "--policy"], ["run", "--env-file", "nowhere.env"]]
SKIPS = ["--dry-run", "--skip", "--skip-analysis", "--no-fail", "--force", "--ignore-failures", "--exit-zero", "--non-blocking"]


@case("a wrong command line prints help or an error, and ends with 0")
def _(lab: Lab) -> None:
    for arguments in [*WRONG, *(["run", option] for option in SKIPS)]:
        done = command(lab, arguments)
        assert done.returncode == 2, (arguments, done.stdout, done.stderr)
        assert "PASS" not in done.stdout


@case("a variable switches the gate off")
def _(lab: Lab) -> None:
    for name in ("GATE_DRY_RUN", "GATE_SKIP", "GATE_DISABLED", "GATE_FORCE"):
        done = command(lab, ["run"], **TOKENS, BASE_URL="http://127.0.0.1:9", **{name: "true"})
        assert done.returncode == 2
        assert f"{name} is not known" in done.stderr


def command(lab: Lab, arguments: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "gate", *arguments],
        cwd=lab.folder,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", case)
def test_is_no_pass(name: str, tmp_path: Path) -> None:
    case[name](Lab(tmp_path))
