"""`python -m faults`: the list, and one fault served in the foreground."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from faults import BENIGN, FAULTS
from faults.__main__ import main, tokens_of
from faults.profile import Profile
from tests.faults.healthy import TOKENS
from tests.faults.test_proxy import OK, Service
from tests.run.support import ROOT, clean_environment


def test_the_list_names_every_fault(capsys):
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == [*FAULTS, *BENIGN]
    assert lines[-1] == f"{len(FAULTS)} faults, {len(BENIGN)} harmless variants"


def test_the_list_as_json(capsys):
    assert main(["--list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == [*FAULTS, *BENIGN]
    wanted = {"group": "B3", "meant_for": ["PRE-003"], "severity": "critical", "policy": "baseline", "needs": []}
    assert rows["auth.any-token"].items() >= wanted.items()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--fault", "auth.any-tokn", "--base-url", "http://127.0.0.1:9"], "There is no fault auth.any-tokn"),
        (["--fault", "auth.any-token"], "The healthy service is not known"),
    ],
)
def test_what_cannot_be_served_is_told(arguments, sentence, capsys):
    assert main(arguments) == 2
    assert sentence in capsys.readouterr().err


def test_tokens_come_from_the_settings_by_the_profile():
    settings = {f"{name.upper()}_TOKEN": token for name, token in TOKENS.items()} | {"REVOKED_TOKENS": "old-one, old-two"}
    found = tokens_of(Profile(), settings)
    assert found == {name: TOKENS[name] for name in ("admin", "qa", "ops", "viewer")} | {"revoked-1": "old-one", "revoked-2": "old-two"}


def test_one_fault_is_served_until_it_is_told_to_stop(tmp_path: Path):
    env_file = tmp_path / "healthy.env"
    with Service(OK, close=True) as service:
        env_file.write_text(f"BASE_URL={service.base_url}\nADMIN_TOKEN={TOKENS['admin']}\n")
        command = [sys.executable, "-m", "faults", "--env-file", str(env_file), "--fault", "avail.health-503"]
        environment = clean_environment() | {"PYTHONPATH": str(ROOT / "fixtures")}
        with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            address = process.stdout.readline().strip().removeprefix("BASE_URL=")
            with pytest.raises(urllib.error.HTTPError, match="503") as refused:
                urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{address}/health", timeout=10)
            refused.value.close()
            os.kill(process.pid, signal.SIGTERM)
            assert process.stdout.read() == "1 of 1 requests were changed\n"
        assert process.returncode == 0
