"""Each setting on its own: what it may be, what it means when it is absent, and what must not be seen of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.errors import ConfigurationError
from gate.model import Safety
from gate.target.settings import Settings, is_loopback, load_settings
from tests.target.support import ENVIRONMENT, TOKENS, changed, without


def load(folder: Path, *absent: str, **more: str) -> Settings:
    return load_settings({}, without(*absent, **more), folder)


def test_what_a_user_has_who_sets_only_what_is_needed(tmp_path: Path) -> None:
    found = load(tmp_path)
    assert found.tokens == {name.removesuffix("_TOKEN").lower(): token for name, token in TOKENS.items()}
    assert (found.base_url, found.environment, found.policy, found.profile.name) == (
        "http://127.0.0.1:9",
        "staging",
        "baseline",
        "supply_intel",
    )
    assert (found.out_dir, found.batch_code) == (Path("reports/staging"), "BATCH-2026-02-0012")
    assert (found.concurrency, found.level) == (16, Safety.BURST)
    assert (found.database_url, found.revoked_tokens, found.ca_bundle, found.proxy) == (None, (), None, None)
    assert (found.auth_enabled, found.rate_limit_enabled) == (True, True)


def test_reports_go_where_the_environment_is_named(tmp_path: Path) -> None:
    assert load(tmp_path, APP_ENV="production").out_dir == Path("reports/production")


PROFILE_FACTS = ('allow_origins = ["https://ops.example.com"]', 'allow_origins = ["https://one.example", "https://two.example"]')


def test_limits_and_origins_are_the_profiles_unless_the_deployment_says_otherwise(tmp_path: Path) -> None:
    path = changed(tmp_path, *PROFILE_FACTS)
    text = (
        Path(path)
        .read_text(encoding="utf-8")
        .replace("requests = 300 ", "requests = 120 ")
        .replace("window_seconds = 60", "window_seconds = 30")
    )
    Path(path).write_text(text, encoding="utf-8")
    found = load(tmp_path, GATE_PROFILE=path)
    assert (found.rate_limit_requests, found.rate_limit_window_seconds) == (120, 30.0)
    assert found.cors_allow_origins == ("https://one.example", "https://two.example")
    deployed = {
        "RATE_LIMIT_REQUESTS": "50",
        "RATE_LIMIT_WINDOW_SECONDS": "5",
        "CORS_ALLOW_ORIGINS": " https://a.example ,,https://b.example",
    }
    found = load(tmp_path, GATE_PROFILE=path, **deployed)
    assert (found.rate_limit_requests, found.rate_limit_window_seconds) == (50, 5.0)
    assert found.cors_allow_origins == ("https://a.example", "https://b.example")


def test_a_profile_without_those_sections(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(
        'name = "tiny"\n[limits]\nconcurrency = 2\ndeadline_seconds = 5\nbody_limit_bytes = 100000\n'
        '[identities.qa]\ntoken_env = "QA_TOKEN"\nroles = ["qa"]\n'
        '[[endpoints]]\nid = "one"\nmethod = "GET"\npath = "/one"\nallow = "any"\n',
        encoding="utf-8",
    )
    found = load(tmp_path, "ADMIN_TOKEN", "OPS_TOKEN", "VIEWER_TOKEN", GATE_PROFILE=str(path))
    assert (found.rate_limit_requests, found.rate_limit_window_seconds, found.cors_allow_origins) == (300, 60.0, ())
    assert found.tokens == {"qa": TOKENS["QA_TOKEN"]}
    assert found.concurrency == 2


@pytest.mark.parametrize("value", ["true", "TRUE", "1", "yes", "on", " True "])
@pytest.mark.parametrize("name", ["AUTH_ENABLED", "RATE_LIMIT_ENABLED"])
def test_a_switch_that_is_on(name: str, value: str, tmp_path: Path) -> None:
    assert getattr(load(tmp_path, **{name: value}), name.lower()) is True


@pytest.mark.parametrize("value", ["false", "False", "0", "no", "off"])
@pytest.mark.parametrize("name", ["AUTH_ENABLED", "RATE_LIMIT_ENABLED"])
def test_a_switch_that_is_off(name: str, value: str, tmp_path: Path) -> None:
    assert getattr(load(tmp_path, **{name: value}), name.lower()) is False


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "1e3", "0x10", "٣", "1 000", "1_000", "1000001", "99999999999", "nan", "inf"])
def test_a_number_that_is_none_of_the_whole_ones_within_bounds(value: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"RATE_LIMIT_REQUESTS is .*a whole number from 1 to 1000000"):
        load(tmp_path, RATE_LIMIT_REQUESTS=value)


def test_a_token_from_a_file(tmp_path: Path) -> None:
    """A mounted secret ends in a line break; the variable may be in an env file."""
    (tmp_path / "qa").write_text("secret-value-1\n", encoding="utf-8")
    assert load(tmp_path, "QA_TOKEN", QA_TOKEN_FILE=str(tmp_path / "qa")).tokens["qa"] == "secret-value-1"
    (tmp_path / ".env").write_text(f"QA_TOKEN_FILE={tmp_path / 'qa'}\n", encoding="utf-8")
    assert load(tmp_path, "QA_TOKEN").tokens["qa"] == "secret-value-1"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00secret", b"two words-secret", b"one-secret\ntwo-secret\n"])
def test_a_file_that_holds_no_token(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "qa").write_bytes(content)
    with pytest.raises(ConfigurationError, match="QA_TOKEN") as told:
        load(tmp_path, "QA_TOKEN", QA_TOKEN_FILE=str(tmp_path / "qa"))
    assert "secret" not in told.value.sentence


def test_a_folder_where_a_token_should_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="QA_TOKEN_FILE cannot be read"):
        load(tmp_path, "QA_TOKEN", QA_TOKEN_FILE=str(tmp_path))


NO_TOKENS = [
    "short-1",
    "with a space-secret",
    "with-a-tab\tsecret",
    "with-an-ümlaut-secret",
    "ends-in-a-line-break-secret\n",
    "nul-secret\0",
    "s" * 4097,
]


@pytest.mark.parametrize("token", NO_TOKENS)
def test_a_token_that_could_not_be_a_header(token: str, tmp_path: Path) -> None:
    """Refused by name and length; the token itself is not told."""
    with pytest.raises(ConfigurationError, match=rf"QA_TOKEN is no usable token \(length {len(token)}\)") as told:
        load(tmp_path, QA_TOKEN=token)
    assert token not in told.value.sentence
    assert "secret" not in told.value.sentence


@pytest.mark.parametrize("pair", [("ADMIN_TOKEN", "QA_TOKEN"), ("OPS_TOKEN", "VIEWER_TOKEN"), ("ADMIN_TOKEN", "VIEWER_TOKEN")])
def test_two_identities_with_one_token(pair: tuple[str, str], tmp_path: Path) -> None:
    """Also where one of them comes from a file; the message names both variables."""
    (tmp_path / "token").write_text(f"{TOKENS[pair[0]]}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=f"{pair[0]} and {pair[1]} hold the same token"):
        load(tmp_path, pair[1], **{f"{pair[1]}_FILE": str(tmp_path / "token")})


@pytest.mark.parametrize("name", ["B 1", "-b", ".b", "b/c", "b\\c", "b\n", "", "b" * 65, "ü"])
@pytest.mark.parametrize("variable", ["BATCH_CODE", "GATE_ENVIRONMENT"])
def test_a_name_that_could_be_a_path_or_a_header(variable: str, name: str, tmp_path: Path) -> None:
    if name == "":  # the same as not set
        assert load(tmp_path, **{variable: name}).environment == "staging"
        return
    with pytest.raises(ConfigurationError, match="cannot be used"):
        load(tmp_path, **{variable: name})


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com/", "https://api.example.com"),
        (" https://api.example.com/prefix/ \n", "https://api.example.com/prefix"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_base_url(given: str, used: str, tmp_path: Path) -> None:
    assert load(tmp_path, BASE_URL=given).base_url == used


@pytest.mark.parametrize(
    "url",
    [
        "ftp://api.example.com",
        "https://",
        "https://h?x=1",
        "https://h#x",
        "https://h:0",
        "https://h:port",
        "https://ünicode.example",
        "/api",
    ],
)
def test_a_base_url_that_is_none(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="BASE_URL is no address"):
        load(tmp_path, BASE_URL=url)


def test_tokens_in_the_clear_only_where_that_was_wanted(tmp_path: Path) -> None:
    assert load(tmp_path, BASE_URL="http://192.0.2.1", GATE_ALLOW_HTTP="true").base_url == "http://192.0.2.1"
    with pytest.raises(ConfigurationError, match="in the clear"):
        load(tmp_path, BASE_URL="http://192.0.2.1", GATE_ALLOW_HTTP="false")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("api.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("", False),
        ("localhost.example.com", False),
        ("notlocalhost", False),
        ("127.0.0.1.example.com", False),
        ("192.0.2.1", False),
        ("0.0.0.0", False),  # noqa: S104 - a name to judge, nothing listens
        ("api.example.com", False),
    ],
)
def test_what_is_this_machine(host: str, expected: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a column of the table
    assert is_loopback(host) is expected
    if host and ":" not in host:
        assert load(tmp_path, BASE_URL=f"https://{host}").loopback is expected


SECRETS = {
    "DATABASE_URL": ("postgresql://gate:pass%2Fword-1@127.0.0.1/d", ["pass%2Fword-1", "pass/word-1"]),
    "GATE_PROXY": ("http://me:proxy-pass-1@127.0.0.1:3128", ["proxy-pass-1"]),
    "REVOKED_TOKENS": ("revoked-token-1, revoked-token-2,", ["revoked-token-1", "revoked-token-2"]),
    "QA_TOKEN": ("token-to-look-for-1", ["token-to-look-for-1"]),
}


@pytest.mark.parametrize("variable", SECRETS)
def test_a_secret_is_known_as_one_and_in_no_text(variable: str, tmp_path: Path) -> None:
    value, secrets = SECRETS[variable]
    found = load(tmp_path, **{variable: value})
    assert set(secrets) <= set(found.secrets)
    assert not any(secret in text for secret in secrets for text in (repr(found), str(found), f"{found}", repr([found])))


def test_no_secret_is_empty(tmp_path: Path) -> None:
    """An empty one would be found, and masked, everywhere."""
    found = load(tmp_path, DATABASE_URL="postgresql://gate@127.0.0.1/d", REVOKED_TOKENS=" , ,")
    assert sorted(found.secrets) == sorted(TOKENS.values())
    assert found.revoked_tokens == ()


@pytest.mark.parametrize("url", ["postgresql://u:p@h/d", "postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d", "postgresql:///d?host=/run"])
def test_a_database_url(url: str, tmp_path: Path) -> None:
    assert load(tmp_path, DATABASE_URL=url).database_url == url


@pytest.mark.parametrize("level", list(Safety))
def test_a_level(level: Safety, tmp_path: Path) -> None:
    assert load(tmp_path, GATE_LEVEL=level).level is level


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And the current folder the one in which files are looked for."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "gate.toml").write_text('policy = "strict"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load_settings({}).policy == "strict"
