"""Where settings come from, which source is stronger, and what no source may hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gate.errors import ConfigurationError
from gate.target.settings import Settings, load_settings
from tests.target.support import ENVIRONMENT, without

# Setting, its variable, and a value for each source, the strongest first (gate.toml says the first again); and the default.
STRENGTH: dict[str, tuple[str, list[str], str | None]] = {
    "base_url": ("BASE_URL", [f"http://127.0.0.1:{port}" for port in (1, 2, 3, 4)], None),
    "batch_code": ("BATCH_CODE", ["B-1", "B-2", "B-3", "B-4"], "BATCH-2026-02-0012"),
    "out_dir": ("OUT_DIR", ["out-1", "out-2", "out-3", "out-4"], "reports/staging"),
    "environment": ("GATE_ENVIRONMENT", ["one", "two", "three", "four"], "staging"),
    "policy": ("GATE_POLICY", ["one", "two", "three", "four"], "baseline"),
    "waivers": ("GATE_WAIVERS", ["1.toml", "2.toml", "3.toml", "4.toml"], "None"),
    "ca_bundle": ("GATE_CA_BUNDLE", ["1.pem", "2.pem", "3.pem", "4.pem"], "None"),
    "proxy": ("GATE_PROXY", [f"http://127.0.0.1:{port}" for port in (1, 2, 3, 4)], "None"),
    "concurrency": ("GATE_CONCURRENCY", ["1", "2", "3", "4"], "16"),
    "level": ("GATE_LEVEL", ["read", "denied", "drill", "burst"], "burst"),
    "rate_limit_requests": ("RATE_LIMIT_REQUESTS", ["1", "2", "3", "4"], "300"),
    "rate_limit_window_seconds": ("RATE_LIMIT_WINDOW_SECONDS", ["1", "2", "3", "4"], "60"),
}
SOURCES = ("options", "environment", ".env", "staging.env", "gate.toml", "default")


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("setting", STRENGTH)
@pytest.mark.parametrize("strongest", SOURCES)
def test_order_of_strength(setting: str, strongest: str, tmp_path: Path) -> None:
    """Command line, environment, env files, gate.toml, default: the strongest of those that say something, and the rest is weaker."""
    variable, values, default = STRENGTH[setting]
    said = dict(zip(SOURCES, [*values, values[0], default], strict=True))
    present = SOURCES[SOURCES.index(strongest) :]
    environ = without("BASE_URL") if setting == "base_url" else without()
    environ |= {variable: values[1]} if "environment" in present else {}
    for name in {".env", "staging.env"} & set(present):
        write(tmp_path, name, f"{variable}={said[name]}\n")
    if "gate.toml" in present:
        write(tmp_path, "gate.toml", f'{setting} = "{said["gate.toml"]}"\n')
    options: dict[str, Any] = {setting: values[0] if "options" in present else None}
    if said[strongest] is None:
        with pytest.raises(ConfigurationError, match=f"{variable} is not set"):
            load_settings(options, environ, tmp_path)
    else:
        found = str(getattr(load_settings(options, environ, tmp_path), setting))
        assert found.removesuffix(".0") == said[strongest]


def load(folder: Path, *absent: str, **more: str) -> Settings:
    return load_settings({}, without(*absent, **more), folder)


@pytest.mark.parametrize("empty", ["", None])
def test_what_is_empty_is_unset(empty: str | None, tmp_path: Path) -> None:
    """A variable that a pipeline sets to nothing does not hide the env file's."""
    write(tmp_path, ".env", "GATE_POLICY=strict\n")
    more = {} if empty is None else {"GATE_POLICY": empty}
    assert load(tmp_path, **more).policy == "strict"


def test_the_first_of_two_variables_of_one_setting_wins(tmp_path: Path) -> None:
    assert load(tmp_path, GATE_ENVIRONMENT="one", APP_ENV="two").environment == "one"
    assert load(tmp_path, APP_ENV="two").environment == "two"
    assert load(tmp_path, SSL_CERT_FILE="system.pem").ca_bundle == "system.pem"


def test_a_given_env_file_replaces_those_that_are_found(tmp_path: Path) -> None:
    write(tmp_path, ".env", "BATCH_CODE=B-1\nGATE_POLICY=strict\n")
    write(tmp_path, "mine.env", "BATCH_CODE=B-2\n")
    found = load_settings({"env_file": str(tmp_path / "mine.env")}, ENVIRONMENT, tmp_path)
    assert (found.batch_code, found.policy) == ("B-2", "baseline")


@pytest.mark.parametrize("name", ["nothing.env", "."])
def test_a_given_env_file_that_is_none(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_settings({"env_file": str(tmp_path / name)}, ENVIRONMENT, tmp_path)


def test_an_env_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"BATCH_CODE=\xff\xfe\n")
    with pytest.raises(ConfigurationError, match=r"\.env cannot be read"):
        load(tmp_path)


LINES = {
    "plain": "QA_TOKEN=secret-value-1",
    "exported": "export QA_TOKEN=secret-value-1",
    "in double quotes": 'QA_TOKEN="secret-value-1"',
    "in single quotes": "QA_TOKEN='secret-value-1'",
    "with spaces around": "QA_TOKEN = secret-value-1",
    "with a comment": "QA_TOKEN=secret-value-1 # of the QA manager",
    "quoted, with a comment": "QA_TOKEN='secret-value-1' # of the QA manager",
    "with Windows line ends": "QA_TOKEN=secret-value-1\r\nOTHER=1\r",
    "after comments and empty lines": "# tokens\n\n   \nQA_TOKEN=secret-value-1",
}


@pytest.mark.parametrize("case", LINES)
def test_how_a_line_of_an_env_file_may_look(case: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(LINES[case].encode() + b"\n")
    assert load(tmp_path, "QA_TOKEN").tokens["qa"] == "secret-value-1"


@pytest.mark.parametrize("value", ["a$HOME-secret", "a${HOME}secret", "a#b-secret", 'a"b-secret', "a\\nb-secret"])
def test_nothing_in_a_single_quoted_value_means_anything(value: str, tmp_path: Path) -> None:
    write(tmp_path, ".env", f"QA_TOKEN='{value}'\n")
    assert load(tmp_path, "QA_TOKEN").tokens["qa"] == value


@pytest.mark.parametrize("value", ["a$HOME-secret", "a${HOME}secret", "a#b-secret"])
def test_nothing_is_filled_in_in_a_bare_value(value: str, tmp_path: Path) -> None:
    write(tmp_path, ".env", f"QA_TOKEN={value}\n")
    assert load(tmp_path, "QA_TOKEN").tokens["qa"] == value


MALFORMED = {
    "no equals sign": ("BATCH_CODE=B-1\nGATE_POLICY strict\n", 2),
    "a colon": ("GATE_POLICY: strict\n", 1),
    "a name alone": ("BATCH_CODE=B-1\nGATE_POLICY\n", 2),
    "no name": ("=strict-secret\n", 1),
    "after empty lines and comments": ("\n# the policy\n\n\n  GATE_POLICY strict\n", 5),
    "a quote that does not end": ('# first\nBATCH_CODE="B-1\nGATE_POLICY=strict\n', 2),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_line_that_cannot_be_read_is_refused(case: str, tmp_path: Path) -> None:
    """Passed over, `GATE_POLICY: strict` would mean the default. The line's text, which may be a secret, is not told."""
    text, line = MALFORMED[case]
    write(tmp_path, ".env", text)
    with pytest.raises(ConfigurationError, match=rf"\.env:{line} ") as told:
        load(tmp_path)
    assert "strict" not in told.value.sentence


@pytest.mark.parametrize("name", [".env", "staging.env"])
def test_an_unknown_variable_of_the_gate_in_an_env_file(name: str, tmp_path: Path) -> None:
    """As in the environment: a misspelt GATE_POLICY must not mean the default."""
    write(tmp_path, name, "GATE_POLCY=strict\n")
    with pytest.raises(ConfigurationError, match=r"GATE_POLCY is not known.*Did you mean GATE_POLICY\?"):
        load(tmp_path)


def test_an_unknown_variable_like_no_other(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"GATE_9_9_9_9 is not known.*Unset it"):
        load(tmp_path, GATE_9_9_9_9="1")


@pytest.mark.parametrize("name", ["GATE_DEBUG", "GATE_UPDATE_GOLDEN", "POLICY", "GATEWAY_URL", "MY_GATE_POLICY", "API_TOKEN_MAP_JSON"])
def test_variables_that_are_none_of_ours_or_are_known(name: str, tmp_path: Path) -> None:
    write(tmp_path, ".env", f"{name}=1\n")
    assert load(tmp_path, **{name: "1"}).policy == "baseline"


TOML: dict[str, tuple[str, str]] = {
    "an unknown key": ('polcy = "strict"', r"unknown key 'polcy'.*Did you mean 'policy'\?"),
    "a table": ("[policy]\nname = 'strict'", r"'policy' is a table"),
    "a number where there is a text": ("concurrency = 1.5", r"'1\.5'"),
    "a number out of bounds": ("concurrency = 0", r"a whole number from 1 to 64"),
    "no TOML": ("policy = strict", r"is no valid TOML"),
    "a database with its password": ('database_url = "postgresql://u:p@h/d"', r"'database_url' is a secret"),
    "revoked tokens": ('revoked_tokens = ["one"]', r"'revoked_tokens' is a secret"),
    "a token": ('qa_token = "x"', r"'qa_token' is a secret"),
    "a token in capitals": ('QA_TOKEN = "x"', r"'QA_TOKEN' is a secret"),
    "an environment variable's name": ('BASE_URL = "http://127.0.0.1:1"', r"unknown key 'BASE_URL'"),
}


@pytest.mark.parametrize("case", TOML)
def test_what_gate_toml_may_not_hold(case: str, tmp_path: Path) -> None:
    text, told = TOML[case]
    write(tmp_path, "gate.toml", text + "\n")
    with pytest.raises(ConfigurationError, match=told):
        load(tmp_path)


def test_values_of_gate_toml_that_are_no_text(tmp_path: Path) -> None:
    """A list, a number and a truth value mean what they mean in TOML."""
    write(
        tmp_path,
        "gate.toml",
        'cors_allow_origins = ["https://one.example", "https://two.example"]\nconcurrency = 3\nauth_enabled = false\nallow_http = true\n',
    )
    found = load(tmp_path, BASE_URL="http://192.0.2.1")
    assert found.cors_allow_origins == ("https://one.example", "https://two.example")
    assert (found.concurrency, found.auth_enabled) == (3, False)
