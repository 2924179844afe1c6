"""Bad settings and profiles: refused before anything is sent, in one sentence, with exit status 2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.run.support import ROOT, SOMEWHERE, settings

CONFIGURATION = {
    "a token is not set": (settings(QA_TOKEN=None), "QA_TOKEN is not set"),
    "a token is empty": (settings(QA_TOKEN=""), "QA_TOKEN is not set"),
    "two tokens are equal": (settings(QA_TOKEN=SOMEWHERE["OPS_TOKEN"]), "hold the same token"),
    "a token with a line break": (settings(QA_TOKEN="0123456789\nabc"), "QA_TOKEN is no usable token"),
    "a token and its file": (settings(QA_TOKEN_FILE="/nowhere"), "QA_TOKEN and QA_TOKEN_FILE are both set"),
    "a token's file is missing": (settings(QA_TOKEN=None, QA_TOKEN_FILE="/nowhere"), "QA_TOKEN_FILE cannot be read"),
    "no base URL": (settings(BASE_URL=None), "BASE_URL is not set"),
    "a base URL without scheme": (settings(BASE_URL="api.example.com"), "BASE_URL is no address"),
    "a base URL with a bad port": (settings(BASE_URL="http://127.0.0.1:99999"), "BASE_URL is no address"),
    "credentials in the base URL": (settings(BASE_URL="https://me:pass-word-1@api.example.com"), "holds a user name or password"),
    "http to another machine": (settings(BASE_URL="http://192.0.2.1"), "in the clear"),
    "an unknown variable": (settings(GATE_POLCY="strict"), "Did you mean GATE_POLICY?"),
    "an unknown policy": (settings(GATE_POLICY="stict"), "there is no policy 'stict'"),
    "an unknown profile": (settings(GATE_PROFILE="suply"), "there is no profile 'suply'"),
    "a limit that is no number": (settings(RATE_LIMIT_REQUESTS="many"), "RATE_LIMIT_REQUESTS is 'many'"),
    "a switch that is no switch": (settings(AUTH_ENABLED="maybe"), "AUTH_ENABLED is 'maybe'"),
    "a level that is none": (settings(GATE_LEVEL="gentle"), "GATE_LEVEL is 'gentle'"),
    "a batch code with a slash": (settings(BATCH_CODE="../../etc"), "BATCH_CODE"),
    "an environment with a slash": (settings(GATE_ENVIRONMENT="../x"), "environment's name"),
    "a database URL of another kind": (settings(DATABASE_URL="mysql://u:secret-pass@h/d"), "DATABASE_URL is no PostgreSQL URL"),
    "a CA file that is not there": (settings(GATE_CA_BUNDLE="/nowhere.pem"), "/nowhere.pem"),
    "a proxy that is none": (settings(GATE_PROXY="nonsense"), "proxy"),
}


@pytest.mark.parametrize("case", CONFIGURATION)
def test_configuration(case: str, gate: Any) -> None:
    """Refused before anything is sent: exit status 2, one sentence, no secret in it."""
    given, sentence = CONFIGURATION[case]
    done = gate(given)
    assert done.status == 2, done.err
    assert sentence in done.err
    assert len(done.err.strip().splitlines()) <= 2
    assert done.is_one_sentence()
    assert done.out == ""
    assert "pass-word-1" not in done.err
    assert "secret-pass" not in done.err


PROFILES = {
    "an unknown key": ("repetitions = 3", "repetition = 3", "Did you mean 'repetitions'?"),
    "a value of another type": ("concurrency = 16 ", 'concurrency = "many" ', "key 'limits.concurrency'"),
    "a value out of bounds": ("repetitions = 3", "repetitions = 1", "key 'recall.repetitions' is 1; expected 3 or more"),
    "a missing key": ('whoami = "/api/v1/auth/whoami"', "", "key 'whoami' is missing in auth"),
    "no TOML": ("[limits]", "[limits", "no valid TOML"),
    "an identity that does not exist": ('identity = "ops"', 'identity = "oops"', "automation.identity names no identity ('oops')"),
    "an unknown placeholder": ("burst/{run_id}", "burst/{runid}", "rate_limit.burst_path holds {runid}"),
    "a bad expression": ('"simulation.batch_code"', '"simulation..["', "recall.batch_field is no JMESPath"),
    "a matrix that would write": ("probe = { body = { limit = 0 }, allowed = [422] }", "", "would write"),
    "NaN as a limit": ("deadline_seconds = 10 ", "deadline_seconds = nan ", "limits.deadline_seconds"),
}


@pytest.mark.parametrize("case", PROFILES)
def test_profile_errors_name_file_and_key(case: str, gate: Any, tmp_path: Path) -> None:
    """A profile with a mistake is refused, with file, key and what was expected."""
    old, new, sentence = PROFILES[case]
    text = (ROOT / "fixtures" / "profiles" / "supply_intel.toml").read_text()
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1))
    done = gate(settings(), "--profile", str(path))
    assert done.status == 2, done.err
    assert str(path) in done.err
    assert sentence in done.err
    assert done.is_one_sentence()


def test_gate_toml_takes_no_secret(gate: Any, tmp_path: Path) -> None:
    """A token in gate.toml would end in git."""
    (tmp_path / "gate.toml").write_text('admin_token = "x"\n')
    done = gate(settings())
    assert done.status == 2
    assert "is a secret" in done.err
