"""How a run goes: what is sent, how often, in which order, and what ends it."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import Any

import pytest

from tests.plugin.support import HEAD, TOKENS, Asked, Made, Service, check, fine

FILE = "acceptance/test_x.py"
DRILL = "t.post('/drill/{}', 'qa', safety=Safety.DRILL)"


def asked_for(service: Service, path: str) -> int:
    return service.paths().count(path)


def test_equal_probes_are_sent_once(made: Made, service: Service) -> None:
    """Also between controls of different files; another identity, another body or a drill is another request."""
    shared = "lambda t: [t.get('/shared', 'qa'), t.get('/shared', 'qa')]"
    body = "assert [seen.status for seen in observed] == [200, 200]"
    made.write(FILE, HEAD + check("X-001", body, shape=shared) + check("X-002", body, shape=shared))
    made.write("security/test_y.py", HEAD + check("Y-001", shape="lambda t: t.get('/shared', 'qa')"))
    made.write(
        "security/test_z.py",
        HEAD
        + check("Z-001", shape="lambda t: t.get('/shared', 'viewer')")
        + check("Z-002", shape="lambda t: t.get('/shared')")
        + check("Z-003", "assert send(t.get('/shared', 'qa')).status == 200", arguments="send, t")
        + check("Z-004", f"for _ in range(2):\n    assert send({DRILL.format(1)}).status == 200", arguments="send, t", phase="DRILLS"),
    )
    done = made.run(service.base_url)
    assert done.status == 0, done.err
    assert asked_for(service, "/shared") == 3
    assert asked_for(service, "/drill/1") == 2
    same = {tuple(done.results[key]["requests"]) for key in ("X-001", "X-002", "Y-001", "Z-003")}
    assert len(same) == 1


def test_each_control_has_looked_for_itself(made: Made, service: Service) -> None:
    """A shared observation that one control looked at is not one that another has looked at."""
    shared = "lambda t: t.get('/shared')"
    made.write(FILE, HEAD + check("X-001", shape=shared) + check("X-002", "pass", shape=shared))
    done = made.run(service.base_url)
    assert (done.outcome("X-001"), done.outcome("X-002")) == ("passed", "inconclusive")
    assert asked_for(service, "/shared") == 1


PHASES = ["PREFLIGHT", "PROBES", "DRILLS", "BURST", "CLOSING", "TRIGGERS"]


@pytest.mark.parametrize("disorder", ["", "\ndef pytest_collection_modifyitems(items):\n    items.reverse()\n"])
def test_phases_come_in_order(disorder: str, made: Made, service: Service) -> None:
    """However the suites are written, and whatever else orders the tests."""
    conftest = made.root / "suites" / "conftest.py"
    conftest.write_text(conftest.read_text(encoding="utf-8") + disorder, encoding="utf-8")
    made.write(FILE, HEAD + "".join(check(f"X-00{number}", phase=phase) for number, phase in reversed(list(enumerate(PHASES)))))
    done = made.run(service.base_url)
    assert done.status == 0, done.err
    assert [path for path in service.paths() if path.startswith("/x_")] == [f"/x_00{number}" for number in range(6)]
    phases = [item["data"]["phase"] for item in done.events if item["event"] == "observation"]
    assert [phase for phase, after in pairwise([*phases, ""]) if phase != after] == [phase.lower() for phase in PHASES]
    said = [line.split()[1] for line in done.err.splitlines() if line.endswith(("...", "…"))]
    assert said == [phase.lower() for phase in PHASES]


def overlaps(asked: list[Asked]) -> int:
    """How many requests began while the one before was still being answered."""
    ordered = sorted(asked, key=lambda item: item.started)
    return sum(after.started < before.ended for before, after in pairwise(ordered))


def test_probes_run_together_and_drills_alone(made: Made) -> None:
    meeting = threading.Barrier(3, timeout=20)
    working = threading.Event()

    def answering(asked: Asked) -> tuple[int, Any]:
        if asked.path.startswith("/together"):
            meeting.wait()  # none is answered before three have come
        if asked.path.startswith("/drill"):
            working.wait(0.05)  # what a drill takes
        return fine(asked)

    made.write(
        FILE,
        HEAD
        + "".join(
            check(f"D-00{number}", f"assert send({DRILL.format(number)}).status == 200", arguments="send, t", phase="DRILLS")
            for number in range(4)
        )
        + "".join(check(f"X-00{number}", shape=f"lambda t: t.get('/together/{number}')") for number in range(3)),
    )
    with Service(answering) as service:
        done = made.run(service.base_url)
    assert done.status == 0, done.err
    together = [item for item in service.asked if item.path.startswith("/together")]
    drills = [item for item in service.asked if item.path.startswith("/drill")]
    assert overlaps(together) > 0
    assert len(drills) == 4
    assert overlaps([item for item in service.asked if item.started >= drills[0].started]) == 0


# What the health check answers (None: nothing), the body of the check, and whether the other preflight controls are still asked.
PREFLIGHTS = {
    "it fails": ((503, {"status": "down"}), True),
    "it measures nothing": ((429, {}), False),
}


@pytest.mark.parametrize("case", PREFLIGHTS)
def test_a_preflight_that_does_not_pass_stops_the_run(case: str, made: Made) -> None:
    """One sentence, nothing else is sent, and nothing that was not sent is a pass."""
    answer, goes_on = PREFLIGHTS[case]

    def answering(asked: Asked) -> tuple[int, Any]:
        return answer if asked.path == "/pre_000" else fine(asked)

    made.write("preflight/test_a.py", HEAD + check("PRE-000", phase="PREFLIGHT", criterion="errors"))
    with Service(answering) as service:
        done = made.run(service.base_url)
    assert done.status == (10 if goes_on else 11)
    assert done.outcome("PRE-001") == ("passed" if goes_on else "not_run")
    assert {done.outcome(key) for key in ("SEC-001", "ACC-001")} == {"not_run"}
    assert done.reason("SEC-001").startswith("not run after preflight: It holds: ")
    assert set(service.paths()) == {"/pre_000", "/pre_001"}
    assert done.err.count("the run was stopped by preflight: It holds") == 1
    assert not done.goes


FIXTURE = """
@pytest.fixture(scope="session")
def drill(run, t):
    seen = run.send(t.post("/drill", "qa", safety=Safety.DRILL))
    {}
    return seen

"""
SETUPS = {
    "finds a fault": (
        "require(seen.status == 201, 'HTTP 201', f'HTTP {seen.status}', 'bypass')",
        "failed",
        "expected HTTP 201; saw HTTP 200",
    ),
    "breaks": ("1 / 0", "error", "the check broke: ZeroDivisionError"),
    "measures nothing": ("raise Inconclusive('no data')", "inconclusive", "no data"),
    "skips": ("pytest.skip('not here')", "not_run", "not here"),
}


@pytest.mark.parametrize("case", SETUPS)
def test_a_drill_that_fails_fails_all_its_controls(case: str, made: Made, service: Service) -> None:
    """Each of them, with the reason; it is sent once."""
    line, outcome, reason = SETUPS[case]
    judges = "".join(check(f"X-00{number}", "measured([drill])", arguments="drill, measured", phase="DRILLS") for number in range(3))
    made.write(FILE, HEAD + FIXTURE.format(line) + judges)
    done = made.run(service.base_url)
    assert {done.outcome(f"X-00{number}") for number in range(3)} == {outcome}
    assert all(reason in done.reason(f"X-00{number}") for number in range(3))
    assert asked_for(service, "/drill") == 1
    assert done.outcome("ACC-001") == "passed"


def test_a_drill_that_breaks_when_it_is_taken_down(made: Made, service: Service) -> None:
    """What it left behind is not known, so what it measured is no pass."""
    made.write(FILE, HEAD + "@pytest.fixture\ndef drill():\n    yield 1\n    1 / 0\n\n" + check("X-001", arguments="observed, drill"))
    done = made.run(service.base_url)
    assert (done.status, done.outcome("X-001")) == (11, "error")


def test_the_plan_is_written_before_the_first_request(made: Made, service: Service) -> None:
    made.write(FILE, HEAD + check("X-001"))
    done = made.run(service.base_url)
    names = [item["event"] for item in done.events]
    assert names[:2] == ["run.started", "plan"]
    assert names.count("plan") == 1
    plan = done.events[1]["data"]
    assert {item["id"] for item in plan["controls"]} == {"PRE-001", "SEC-001", "ACC-001", "X-001"}
    assert set(plan["terms"]["sources"]) == {path.relative_to(made.root).as_posix() for path in (made.root / "suites").rglob("*.py")}
    assert names.count("observation") == len(service.asked) == 4


def test_what_does_not_apply_is_said_and_not_sent(made: Made, service: Service) -> None:
    made.write(FILE, HEAD + check("X-001", feature="recall"))
    done = made.run(service.base_url)
    assert (done.status, done.outcome("X-001")) == (0, "not_applicable")
    assert "no section [recall]" in done.reason("X-001")
    assert asked_for(service, "/x_001") == 0


def test_a_control_for_each_endpoint_is_one_result_each(made: Made, service: Service) -> None:
    """Each is told its own endpoint, and one that fails is named."""
    body = "assert observed.status == 200\nassert endpoint.id != 'two'"
    source = check("X", body, arguments="observed, endpoint", shape="lambda t, endpoint: t.call(endpoint, 'qa')", each="protected")
    made.write(FILE, HEAD + source)
    done = made.run(service.base_url)
    assert {"X-one": done.outcome("X-one"), "X-two": done.outcome("X-two")} == {"X-one": "passed", "X-two": "failed"}
    assert {"/one", "/two"} <= set(service.paths())


def test_a_token_in_a_failure_is_in_no_file(made: Made, service: Service) -> None:
    body = f"raise AssertionError('it said {TOKENS['QA_TOKEN']}')"
    made.write(FILE, HEAD + check("X-001", body) + check("X-002", f"print('{TOKENS['VIEWER_TOKEN']}')\n1 / 0"))
    done = made.run(service.base_url)
    assert done.outcome("X-001") == "failed"
    assert not any(token in done.everything for token in TOKENS.values())
