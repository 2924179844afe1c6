"""The cases in which stock Locust is wrong or silent, each on a real service and with real Locust: every outcome, and why."""

from __future__ import annotations

import os
import signal
import ssl
from pathlib import Path
from threading import Thread

import pytest
import trustme

from gate.errors import ConfigurationError
from gate.load import LoadRefused, RateLimit, Workers
from gate.model import EVERY, LoadOutcome
from tests.load.conftest import generators, rules, section
from tests.load.servers import NEVER, closed_port, service, stalling

SEEN = 250
LOAD = section(100, 2.5)


def agree(done, server):
    """Everybody counted the same: the schedule, the service, the histograms, Locust."""
    every = done.result.names[EVERY]
    assert (done.result.scheduled, done.result.sent, done.result.completed, done.result.locust_total) == (SEEN,) * 4
    assert (every.count, len(server.requests)) == (SEEN, SEEN)
    assert sum(item.count for name, item in done.result.names.items() if name != EVERY) == SEEN


def test_more_than_is_declared_is_refused_before_the_first_byte(send):
    with service() as server:
        with pytest.raises(LoadRefused, match=r"requests in 60 s; expected at most 240, 80% of the declared 300"):
            send(server.url, section(50, 60, limits={"requests": 9000, "seconds": 90}), rules=rules(RateLimit(300, 60)))
        assert server.requests == []


def test_no_host_is_refused(send, tmp_path):
    with pytest.raises(ConfigurationError, match="no address"):
        send("")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_a_healthy_service_passes(send, processes):
    with service() as server:
        done = send(server.url, LOAD, workers=Workers(processes))
    assert (done.judgement.outcome, done.judgement.reasons) == (LoadOutcome.PASSED, ())
    assert done.result.workers_seen == processes
    agree(done, server)


@pytest.mark.slow
def test_a_stall_in_the_middle_fails(send):
    with service(stalling(0.75, 1.5)) as server:
        done = send(server.url, LOAD)
    assert done.judgement.outcome is LoadOutcome.FAILED
    # Arithmetic: 75 of 250 wait for up to 0.75 s, so one in twenty waits for longer than 0.625 s.
    assert done.result.names[EVERY].latency_ms["p95"] == pytest.approx(630, abs=60)
    agree(done, server)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_a_stall_at_the_end_fails(send, processes):
    with service(stalling(2.0, 3.0)) as server:
        done = send(server.url, LOAD, workers=Workers(processes))
    assert done.judgement.outcome is LoadOutcome.FAILED
    assert done.result.names[EVERY].latency_ms["max"] == pytest.approx(1005, abs=60)
    agree(done, server)


@pytest.mark.slow
@pytest.mark.parametrize(("wait", "body", "failure"), [(NEVER, "whole", "timeout"), (0.0, "endless", "timeout"), (0.0, "cut", "closed")])
def test_a_target_whose_answers_do_not_end_fails(send, wait, body, failure):
    with service(lambda _: wait, body=body) as server:
        done = send(server.url, section(20, 2, timeout_seconds=1))
    every = done.result.names[EVERY]
    assert done.judgement.outcome is LoadOutcome.FAILED
    assert every.count == every.errors == every.failures[failure] == done.result.locust_total == done.result.sent > 0
    assert "sending was stopped early" in done.judgement.reasons[0]


@pytest.mark.parametrize(("status", "failure"), [(None, "connect"), ("429 Too Many Requests", "http 429")])
def test_a_target_that_refuses_fails(send, status, failure):
    if status is None:
        done = send(f"http://127.0.0.1:{closed_port()}", section(20, 1))
    else:
        with service(status=status) as server:
            done = send(server.url, section(20, 1))
    every = done.result.names[EVERY]
    assert done.judgement.outcome is LoadOutcome.FAILED
    assert every.count == every.errors == every.failures[failure] == done.result.sent > 0


def test_a_429_below_the_declared_limit_is_the_targets_fault(send):
    with service(status="429 Too Many Requests") as server:
        done = send(server.url, section(20, 1), rules=rules(RateLimit(300, 60)))
    assert any("although the load was below the declared rate limit" in reason for reason in done.judgement.reasons)


def test_a_connection_that_ends_without_an_answer_is_a_failure_and_nothing_is_sent_again(send):
    with service(body="none") as server:
        done = send(server.url, section(20, 1))
        assert len(server.requests) == done.result.sent
    every = done.result.names[EVERY]
    assert (done.judgement.outcome, every.failures) == (LoadOutcome.FAILED, {"closed": done.result.sent})


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b"no HTTP at all\r\n\r\n", "unreadable"),
        (b"HTTP/1.1 99999 Odd\r\n\r\n", "unreadable"),
        (OK + b"Content-Length: -5\r\n\r\n", "unreadable"),
        (OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "unreadable"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}", "unreadable"),
        (OK + b"Bad\x00Name: \xff\r\nContent-Length: 2\r\n\r\n{}", "unreadable"),
        (OK + b"Content-Length: 70000000\r\n\r\n" + b" " * 70_000_000, "unreadable"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "closed"),
        (OK + b"X: " + b"a" * 200_000, "closed"),
    ],
    ids=["no-http", "status", "negative", "two-lengths", "chunk", "header", "too-long", "no-last-chunk", "no-end-of-head"],
)
def test_an_answer_that_cannot_be_read_is_a_failure_and_is_counted(send, answer, failure):
    with service(body=answer) as server:
        done = send(server.url, section(10, 1, timeout_seconds=20))
    every = done.result.names[EVERY]
    assert done.judgement.outcome is LoadOutcome.FAILED
    assert every.failures == {failure: done.result.sent}
    assert every.count == done.result.completed == done.result.locust_total == done.result.sent > 0


def test_a_body_is_not_decoded(send):
    """A small one can become a large one; what it holds is for the other controls."""
    with service(body=OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}") as server:
        done = send(server.url, section(10, 1))
    assert (done.result.names[EVERY].statuses, done.result.names[EVERY].failures) == ({"200": 10}, {})
    assert all("accept-encoding: identity" in head.lower() for head in server.requests)


def test_an_address_below_a_path_is_kept(send):
    """A service behind a gateway often has one."""
    with service() as server:
        done = send(f"{server.url}/erp/v2", section(20, 1))
    assert done.result.names[EVERY].failures == {}
    assert {head.split()[1].split("/api")[0].split("?")[0][:7] for head in server.requests} == {"/erp/v2"}
    assert {line for head in server.requests for line in head.split("\r\n") if line.lower().startswith("host:")} == {
        f"Host: {server.url.removeprefix('http://')}"
    }


def test_a_redirect_is_an_answer_and_nothing_follows_it(send):
    with service() as other, service(status=f"302 Found\r\nLocation: {other.url}/") as server:
        done = send(server.url, section(20, 1))
        assert other.requests == []
    assert done.result.names[EVERY].failures["http 302"] == done.result.sent > 0


@pytest.mark.parametrize("known", [True, False])
def test_a_certificate_counts_only_from_an_authority_that_was_named(send, tmp_path, known):
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with service(tls=context) as server:
        done = send(server.url, section(20, 1), ca_bundle=str(tmp_path / "ca.pem") if known else None)
    failures = done.result.names[EVERY].failures
    assert (failures, len(server.requests)) == (({}, 20) if known else ({"tls": done.result.sent}, 0))


@pytest.mark.parametrize("named", [True, False])
def test_a_named_authority_stands_alone(send, tmp_path, monkeypatch, named):
    """Whoever names one trusts nobody else: neither the system's authorities nor those of a package."""
    system, other = trustme.CA(), trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    system.issue_cert("127.0.0.1").configure_cert(context)
    system.cert_pem.write_to_path(tmp_path / "system.pem")
    other.cert_pem.write_to_path(tmp_path / "other.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "system.pem"))
    with service(tls=context) as server:
        done = send(server.url, section(20, 1), ca_bundle=str(tmp_path / "other.pem") if named else None)
    assert done.result.names[EVERY].failures == ({"tls": done.result.sent} if named else {})


@pytest.mark.slow
def test_a_killed_worker_makes_it_inconclusive(send, tmp_path):
    with service() as server:
        killer = Thread(target=kill_a_worker, args=(server, tmp_path))
        killer.start()
        done = send(server.url, LOAD, workers=Workers(2))
        killer.join()
    assert done.judgement.outcome is LoadOutcome.INCONCLUSIVE
    assert any("went missing" in reason for reason in done.judgement.reasons)
    assert done.result.sent < SEEN


def kill_a_worker(server, folder) -> None:
    """Kill one of the two, once both must have sent something."""
    server.await_requests(50)
    everybody = generators(folder)
    worker = next(process for process in everybody if parent(process) in everybody)
    os.kill(worker, signal.SIGKILL)


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.slow
def test_when_one_worker_stops_the_others_stop_too(send):
    def status(head: str) -> str:
        index = int(head.partition("-load-")[2].split()[0])
        return "500 Internal Server Error" if index % 2 else "200 OK"  # what the second worker sends

    with service(status=status) as server:
        done = send(server.url, section(50, 8), workers=Workers(2))
    assert done.judgement.outcome is LoadOutcome.FAILED
    assert "5 answers in a row were 5xx" in done.result.aborted
    assert done.result.sent < 0.45 * done.result.scheduled  # half of it is one worker's alone
