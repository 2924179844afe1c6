"""Ways in which gates are known to pass when they should not, each tried here: targets and checks that are not what they seem.

The name of a case is the fault. Those about data, limits and settings are in test_wrong_limits.py.
"""

from __future__ import annotations

import signal
import socket
import threading
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from gate.decide.verdict import decide
from gate.model import Verdict
from tests.decide.support import BASELINE, PLAN, control, healthy, result
from tests.plugin.lab import INCONCLUSIVE, NO_GO, ROLES, Cases, Lab, api, caller, no_pass
from tests.plugin.support import TOKENS, Asked, Service, check

case = Cases()


@case("none: a healthy service, with refusals that are no errors, is a GO")
def _(lab: Lab) -> None:
    done = lab.run()
    assert done.status == 0, done.out
    assert done.goes
    assert set(done.triggers.values()) == {"clear"}
    assert done.outcome("TAP-001") == "passed"
    assert any(item.path == "/one" and caller(item) == "viewer" for item in lab.asked)


# ---- the target is not what it seems ----------------------------------------------------------------------------------------------


@case("nobody listens")
def _(lab: Lab) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        done = lab.made.run(f"http://127.0.0.1:{bound.getsockname()[1]}")
    no_pass(done, INCONCLUSIVE, "PRE-001", "inconclusive")
    assert done.outcome("RBAC-one") == "not_run"


@case("everything is refused, so every refusal that is looked for is there")
def _(lab: Lab) -> None:
    done = lab.run(lambda asked: api(asked) if asked.path == "/health" else (403, {"error": "go away"}))
    no_pass(done, NO_GO, "PRE-002")
    assert done.outcome("RBAC-one") == "not_run"


@case("everything is a page")
def _(lab: Lab) -> None:
    no_pass(lab.run(lambda _: (200, b"<html>Welcome</html>")), INCONCLUSIVE, "PRE-001", "inconclusive")


@case("everything is HTTP 200, with an error inside")
def _(lab: Lab) -> None:
    done = lab.run(lambda asked: (200, {**api(asked)[1], "ok": False}))
    no_pass(done, NO_GO, "PRE-003")
    assert done.triggers["auth-bypass"] == "fired"


@case("the health check is well, and nothing else is")
def _(lab: Lab) -> None:
    no_pass(lab.run(lambda asked: api(asked) if asked.path == "/health" else (500, {"error": "oops"})), NO_GO, "PRE-002")


@case("two roles have the same token")
def _(lab: Lab) -> None:
    done = lab.run(api, VIEWER_TOKEN=TOKENS["QA_TOKEN"])
    assert (done.status, lab.asked) == (2, [])
    assert done.is_one_sentence()


@case("a throttled request reads as a refusal")
def _(lab: Lab) -> None:
    done = lab.run(lambda asked: (429, {}) if asked.path == "/one" and caller(asked) is None else api(asked))
    no_pass(done, INCONCLUSIVE, "RBAC-one", "inconclusive")
    assert done.outcome("RBAC-two") == "passed"


@case("a redirect to a login page is followed, and its HTTP 200 read as the answer")
def _(lab: Lab) -> None:
    with Service() as login:

        def answering(asked: Asked) -> Any:
            moved = asked.path == "/one" and caller(asked) is None
            return (302, {}, {"Location": f"{login.base_url}/login"}) if moved else api(asked)

        done = lab.run(answering)
        no_pass(done, INCONCLUSIVE, "RBAC-one", "inconclusive")
        assert login.asked == []


@case("credentials of one request go along with another")
def _(lab: Lab) -> None:
    """A cookie that was set, a netrc, a proxy of the environment."""
    (lab.folder / ".netrc").write_text("machine 127.0.0.1 login me password netrc-password\n", encoding="utf-8")
    (lab.folder / ".netrc").chmod(0o600)
    with Service() as proxy:
        surroundings = dict.fromkeys(("http_proxy", "HTTP_PROXY", "ALL_PROXY"), proxy.base_url) | {"HOME": str(lab.folder)}
        done = lab.run(lambda asked: (*api(asked), {"Set-Cookie": f"session={caller(asked)}; Path=/"}), **surroundings)
        assert proxy.asked == []
    assert done.status == 0, done.out
    sent = [(asked.path, asked.headers.get("Authorization"), asked.headers.get("Cookie")) for asked in lab.asked]
    assert ("/one", None, None) in sent
    assert {cookie for _, _, cookie in sent} == {None}
    assert {header for _, header, _ in sent if header and header.removeprefix("Bearer ") not in ROLES} == {sent_decoy(lab)}


def sent_decoy(lab: Lab) -> str:
    """The header of the well-formed token that nobody has: the only unknown one."""
    unknown = {asked.headers.get("Authorization", "") for asked in lab.asked if caller(asked) is None} - {""}
    assert len(unknown) == 1
    return unknown.pop()


@case("the client tidies the attack away before it leaves")
def _(lab: Lab) -> None:
    targets = ["/a/../b", "/a//b", "/a/./b", "/%61dmin", "/..%2f..%2fetc", "/a?", "/a?b=%2e%2E", "/a;b=c", "/a#b"]
    lab.adds(check("X-001", "assert [s.status for s in observed]", shape=f"lambda t: [t.get(p) for p in {targets!r}]"))
    lab.run()
    assert set(targets) <= {asked.path for asked in lab.asked}


@case("a token dies in the middle of the run, and refusals after it look enforced")
def _(lab: Lab) -> None:
    dead = threading.Event()

    def answering(asked: Asked) -> Any:
        if dead.is_set() and caller(asked) == "viewer":
            return 401, {"error": "expired"}
        if asked.path == "/one":  # after the preflight
            dead.set()
        return api(asked)

    done = lab.run(answering)
    assert dead.is_set()
    no_pass(done, NO_GO, "RUN-001")


@case("a retry that works hides the error before it")
def _(lab: Lab) -> None:
    failed = threading.Event()

    def answering(asked: Asked) -> Any:
        if asked.path == "/two" and caller(asked) == "viewer" and not failed.is_set():
            failed.set()
            return 503, {"error": "not now"}
        return api(asked)

    done = lab.run(answering)
    assert failed.is_set()
    assert done.outcome("RBAC-two") == "passed"
    no_pass(done, NO_GO, "TAP-001")


@case("a token ends in a report")
def _(lab: Lab) -> None:
    done = lab.run(lambda asked: api(asked) if asked.path != "/two" else (500, {"you sent": asked.headers.get("Authorization")}))
    no_pass(done, NO_GO, "RBAC-two")
    assert not any(token in done.everything for token in TOKENS.values())


# ---- the checks are not what they seem --------------------------------------------------------------------------------------------


@case("no suite is collected")
def _(lab: Lab) -> None:
    for path in (lab.made.root / "suites").rglob("test_*.py"):
        path.unlink()
    done = lab.run()
    assert done.status == 1
    assert done.is_one_sentence()


@case("every control is skipped")
def _(lab: Lab) -> None:
    lab.made.write("conftest.py", lab.made.text("conftest.py") + "\ndef pytest_runtest_setup():\n    pytest.skip('today')\n")
    done = lab.run()
    no_pass(done, INCONCLUSIVE)
    assert {item["outcome"] for item in done.results.values()} <= {"not_run", "not_applicable"}


@case("a suite cannot be loaded, so its failures are not there")
def _(lab: Lab) -> None:
    lab.made.write("security/test_access.py", "import no_such_module\n" + lab.made.text("security/test_access.py"))
    done = lab.run()
    assert (done.status, lab.asked) == (1, [])
    assert done.is_one_sentence()


@case("a suite is an empty file")
def _(lab: Lab) -> None:
    lab.made.write("security/test_access.py", "")
    done = lab.run()
    assert (done.status, lab.asked) == (1, [])
    assert "test_access.py declares no control" in done.err


@case("a check crashes, and the crash is a warning")
def _(lab: Lab) -> None:
    """Also where a failure of it would not block: the plan was not carried out."""
    lab.adds(check("X-001", "observed.status.no_such_attribute", basis="hardening", severity="low"))
    no_pass(lab.run(), INCONCLUSIVE, "X-001", "error")


@case("a check has neither a condition for success nor one for failure")
def _(lab: Lab) -> None:
    lab.adds(check("X-001", "pass"), check("X-002", "pass", arguments=""))
    done = lab.run()
    no_pass(done, INCONCLUSIVE, "X-001", "inconclusive")
    no_pass(done, INCONCLUSIVE, "X-002", "inconclusive")


@case("a list of expectations is empty")
def _(lab: Lab) -> None:
    lab.adds(check("X-001", "for seen in observed:\n    assert seen.status == 200", shape="lambda t: [t.get(p) for p in []]"))
    no_pass(lab.run(), INCONCLUSIVE, "X-001", "inconclusive")


@case("one control is skipped, and a skip counts as success")
def _(lab: Lab) -> None:
    lab.adds(check("X-001", above="@pytest.mark.skip"))
    no_pass(lab.run(), INCONCLUSIVE, "X-001", "not_run")


@case("a sibling fails, and the rest is given up but marked as successful")
def _(lab: Lab) -> None:
    done = lab.run(lambda asked: (500, {}) if asked.path == "/health" else api(asked))
    no_pass(done, NO_GO, "PRE-001")
    assert {done.outcome(key) for key in ("RBAC-one", "RBAC-two", "TAP-001", "ACC-001")} == {"not_run"}


@case("the run is stopped before anything was measured")
def _(lab: Lab) -> None:
    hanging, go_on = threading.Event(), threading.Event()

    def answering(asked: Asked) -> Any:
        hanging.set()
        go_on.wait(60)
        return api(asked)

    with Service(answering) as service:
        process = lab.made.start(service.base_url)
        assert hanging.wait(60)
        process.send_signal(signal.SIGTERM)
        done = lab.made.ended(process)
        go_on.set()
    assert done.status == 130
    assert done.is_one_sentence()
    assert not [event for event in done.events if event["event"] == "verdict"]


@case("what is cleaned up afterwards fails, and that is only logged")
def _(lab: Lab) -> None:
    lab.adds("@pytest.fixture\ndef lot():\n    yield\n    1 / 0\n\n", check("X-001", arguments="observed, lot"))
    no_pass(lab.run(), INCONCLUSIVE, "X-001", "error")


@case("a fault is overwritten by a milder one that comes later")
def _(_lab: Lab) -> None:
    for order in permutations(["failed", "error", "inconclusive", "not_run", "not_applicable", "passed"]):
        plan = [*PLAN, *(control(f"X-{outcome}") for outcome in order)]
        found = healthy() | {f"X-{outcome}": result(f"X-{outcome}", outcome) for outcome in order}
        assert decide(plan, found, BASELINE).verdict is Verdict.NO_GO


@pytest.mark.parametrize("name", case)
def test_is_no_pass(name: str, tmp_path: Path) -> None:
    case[name](Lab(tmp_path))
