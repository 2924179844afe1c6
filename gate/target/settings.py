"""Settings of a run, from the command line, the environment, an env file and gate.toml, in this order of strength."""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from gate.errors import ConfigurationError
from gate.model import Safety
from gate.target.profile import Profile, load_profile
from gate.target.toml import load_toml

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
TOKEN = re.compile(r"[\x21-\x7e]{8,4096}")
# Setting: the variables it may come from. What is in gate.toml carries the setting's own name.
VARIABLES: dict[str, tuple[str, ...]] = {
    "base_url": ("BASE_URL",),
    "batch_code": ("BATCH_CODE",),
    "out_dir": ("OUT_DIR",),
    "environment": ("GATE_ENVIRONMENT", "APP_ENV"),
    "profile": ("GATE_PROFILE",),
    "policy": ("GATE_POLICY",),
    "waivers": ("GATE_WAIVERS",),
    "ca_bundle": ("GATE_CA_BUNDLE", "SSL_CERT_FILE"),
    "proxy": ("GATE_PROXY",),
    "concurrency": ("GATE_CONCURRENCY",),
    "level": ("GATE_LEVEL",),
    "with_load": ("GATE_WITH_LOAD",),
    "allow_http": ("GATE_ALLOW_HTTP",),
    "database_url": ("DATABASE_URL",),
    "revoked_tokens": ("REVOKED_TOKENS",),
    "cors_allow_origins": ("CORS_ALLOW_ORIGINS",),
    "auth_enabled": ("AUTH_ENABLED",),
    "rate_limit_enabled": ("RATE_LIMIT_ENABLED",),
    "rate_limit_requests": ("RATE_LIMIT_REQUESTS",),
    "rate_limit_window_seconds": ("RATE_LIMIT_WINDOW_SECONDS",),
    "key": ("GATE_KEY",),
    "artifact": ("GATE_ARTIFACT",),
    # Who started the run, and who wrote what is released: they may not approve it. CI systems know both.
    "operator": ("GATE_OPERATOR", "GITHUB_ACTOR", "GITLAB_USER_EMAIL", "BUILD_REQUESTEDFOREMAIL"),
    "commit_author": ("GATE_COMMIT_AUTHOR",),
}
SECRET = {"database_url", "revoked_tokens"}
OTHER_GATE_VARIABLES = {"GATE_DEBUG", "GATE_TRUST", "GATE_UPDATE_GOLDEN"}
DEFAULT_BATCH = "BATCH-2026-02-0012"
TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a run needs to know besides the profile's facts and the policy. Tokens are by identity, and in no repr."""

    base_url: str
    tokens: dict[str, str] = field(repr=False)
    profile: Profile
    policy: str
    environment: str
    out_dir: Path
    batch_code: str
    concurrency: int
    level: Safety
    database_url: str | None = field(repr=False)
    revoked_tokens: tuple[str, ...] = field(repr=False)
    ca_bundle: str | None
    proxy: str | None = field(repr=False)
    cors_allow_origins: tuple[str, ...]
    auth_enabled: bool
    rate_limit_enabled: bool
    rate_limit_requests: int
    rate_limit_window_seconds: float
    key: Path | None = None
    artifact: str = ""
    operator: str = ""
    commit_author: str = ""
    waivers: Path | None = None
    with_load: str | None = None  # a load profile of the target profile

    @property
    def secrets(self) -> list[str]:
        """Every string that no output may hold."""
        passwords = [urlsplit(url).password for url in (self.database_url, self.proxy) if url]
        passwords += parse_qs(urlsplit(self.database_url or "").query).get("password", [])
        plain = [form for password in passwords if password for form in (password, unquote(password))]
        return [*self.tokens.values(), *self.revoked_tokens, *plain]

    @property
    def loopback(self) -> bool:
        """Whether the target is on this machine."""
        return is_loopback(urlsplit(self.base_url).hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(options: Mapping[str, Any], environ: Mapping[str, str] = os.environ, folder: Path | None = None) -> Settings:
    """Build the settings.

    Args:
        options: from the command line; None where not given. `env_file` names the env file.
        environ: the environment.
        folder: where `.env`, `staging.env` and `gate.toml` are looked for; the current folder by default.

    Raises:
        ConfigurationError: a value is missing, unknown or unusable.
    """
    _refuse_unknown_variables(environ)
    sources = Sources(options, environ, folder or Path.cwd())
    profile = load_profile(sources.get("profile") or "supply_intel")
    limit, cors = (profile.data.get(section, {}) for section in ("rate_limit", "cors"))
    return Settings(
        base_url=_base_url(sources),
        tokens=_tokens(profile, sources),
        profile=profile,
        policy=sources.get("policy") or "baseline",
        environment=_environment(sources),
        out_dir=Path(sources.get("out_dir") or f"reports/{_environment(sources)}"),
        batch_code=_batch_code(sources),
        concurrency=sources.integer("concurrency", profile.limits.concurrency, 1, 64),
        level=_level(sources),
        database_url=_database_url(sources),
        revoked_tokens=tuple(item.strip() for item in (sources.get("revoked_tokens") or "").split(",") if item.strip()),
        ca_bundle=sources.get("ca_bundle"),
        proxy=sources.get("proxy"),
        cors_allow_origins=tuple(item.strip() for item in (sources.get("cors_allow_origins") or "").split(",") if item.strip())
        or tuple(cors.get("allow_origins", ())),
        auth_enabled=sources.boolean("auth_enabled", default=True),
        rate_limit_enabled=sources.boolean("rate_limit_enabled", default=True),
        rate_limit_requests=sources.integer("rate_limit_requests", limit.get("requests", 300), 1, 1_000_000),
        rate_limit_window_seconds=float(sources.integer("rate_limit_window_seconds", int(limit.get("window_seconds", 60)), 1, 86_400)),
        key=sources.path("key"),
        waivers=sources.path("waivers"),
        with_load=_with_load(sources.get("with_load"), profile),
        **{name: sources.get(name) or "" for name in ("artifact", "operator", "commit_author")},
    )


def _with_load(name: str | None, profile: Profile) -> str | None:
    known = profile.data.get("load", {}).get("profiles", {})
    if name is not None and name not in known:
        there = ", ".join(known) or f"none: the profile {profile.name} has no section [load]"
        raise ConfigurationError(f"there is no load profile '{name[:80]}'", f"one of {there}", "Check --with-load")
    return name


def _refuse_unknown_variables(environ: Mapping[str, str]) -> None:
    known = {name for names in VARIABLES.values() for name in names if name.startswith("GATE_")} | OTHER_GATE_VARIABLES
    for name in sorted(environ):
        if name.startswith("GATE_") and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else "Unset it"
            raise ConfigurationError(f"the variable {name} is not known", f"one of {', '.join(sorted(known))}", hint)


class Sources:
    """Looks a setting up in the command line, then the environment, then the env file, then gate.toml."""

    def __init__(self, options: Mapping[str, Any], environ: Mapping[str, str], folder: Path) -> None:
        self._options, self._environ = options, environ
        self._file = _env_file(options.get("env_file"), folder)
        _refuse_unknown_variables(self._file)
        self._toml = _gate_toml(folder / "gate.toml")

    def variable(self, name: str) -> str | None:
        """An environment variable, or the same from the env file; empty counts as unset."""
        return self._environ.get(name) or self._file.get(name) or None

    def path(self, setting: str) -> Path | None:
        """A setting that names a file."""
        text = self.get(setting)
        return Path(text) if text else None

    def get(self, setting: str) -> str | None:
        """A setting as text."""
        if self._options.get(setting) is not None:
            return str(self._options[setting])
        for source in (self._environ, self._file):
            for name in VARIABLES[setting]:
                if source.get(name):
                    return str(source[name])
        value = self._toml.get(setting)
        return None if value is None else ",".join(map(str, value)) if isinstance(value, list) else str(value)

    def integer(self, setting: str, default: int, low: int, high: int) -> int:
        """A setting as a whole number within bounds."""
        text = self.get(setting)
        if text is None:
            return default
        if not re.fullmatch(r"[0-9]{1,9}", text.strip()) or not low <= int(text) <= high:
            raise ConfigurationError(f"{_names(setting)} is '{text[:40]}'", f"a whole number from {low} to {high}", "Correct it")
        return int(text)

    def boolean(self, setting: str, *, default: bool) -> bool:
        """A setting as true or false."""
        text = self.get(setting)
        if text is None:
            return default
        if text.strip().lower() not in TRUE | FALSE:
            raise ConfigurationError(f"{_names(setting)} is '{text[:40]}'", "true or false", "Correct it")
        return text.strip().lower() in TRUE


def _names(setting: str) -> str:
    return " or ".join(VARIABLES[setting])


def _env_file(given: str | None, folder: Path) -> dict[str, str]:
    from dotenv.parser import parse_stream  # noqa: PLC0415 - most commands need no settings

    if given is not None and not Path(given).is_file():
        raise ConfigurationError(f"the env file {given} does not exist", "a file with lines NAME=value", "Check --env-file")
    found: dict[str, str] = {}
    paths = [Path(given)] if given else [folder / ".env", folder / "staging.env"]
    for path in paths:
        if not path.is_file():
            continue
        try:
            with path.open(encoding="utf-8") as stream:
                lines = list(parse_stream(stream))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"the env file {path} cannot be read ({type(error).__name__})", "a readable UTF-8 file") from None
        for line in lines:
            if line.error or (line.key is not None and line.value is None):
                text = line.original.string
                number = line.original.line + text[: len(text) - len(text.lstrip())].count("\n")
                raise ConfigurationError(f"{path}:{number} cannot be read", "lines NAME=value", "Correct that line")
        found = {**{line.key: line.value for line in lines if line.key is not None and line.value is not None}, **found}
    return found


def _gate_toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    data = load_toml(path)
    known = sorted(set(VARIABLES) - SECRET)
    for key in data:
        if key.lower().endswith("token") or key.lower() in SECRET:
            raise ConfigurationError(
                f"{path}: '{key}' is a secret", "secrets only in the environment or an env file", "Remove it from gate.toml"
            )
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            raise ConfigurationError(
                f"{path}: unknown key '{key}'", f"one of {', '.join(known)}", f"Did you mean '{close[0]}'?" if close else ""
            )
        if isinstance(data[key], dict):
            raise ConfigurationError(f"{path}: '{key}' is a table", "one value, or a list of them", "Correct it")
    return data


def _environment(sources: Sources) -> str:
    name = sources.get("environment") or "staging"
    if not NAME.fullmatch(name):
        raise ConfigurationError(f"the environment's name '{name[:80]}' cannot be used", "letters, digits, '.', '_' and '-' only")
    return name


def _base_url(sources: Sources) -> str:
    text = (sources.get("base_url") or "").strip()
    if not text:
        raise ConfigurationError("BASE_URL is not set", "the deployed service's address", "Set BASE_URL=https://… or give --base-url")
    try:
        parts = urlsplit(text)
        port_ok = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_ok = urlsplit(""), False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_ok or parts.query or parts.fragment or not text.isascii():
        raise ConfigurationError("BASE_URL is no address the gate can use", "http(s)://host[:port][/prefix]", "Correct it")
    if "@" in parts.netloc:
        raise ConfigurationError(
            "BASE_URL holds a user name or password", "an address without credentials", "Remove what stands before the @"
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname) and not sources.boolean("allow_http", default=False):
        raise ConfigurationError(
            "BASE_URL is http:// on another machine, so the tokens would cross the network in the clear",
            "https://",
            "Use https, or set GATE_ALLOW_HTTP=true where the network is trusted",
        )
    return text.rstrip("/")


def _tokens(profile: Profile, sources: Sources) -> dict[str, str]:
    tokens = {name: _token(identity.token_env, sources) for name, identity in profile.identities.items()}
    seen: dict[str, str] = {}
    for name, token in tokens.items():
        variable = profile.identities[name].token_env
        if token in seen:
            raise ConfigurationError(
                f"{seen[token]} and {variable} hold the same token", "a token of its own for each role", "Issue a second token"
            )
        seen[token] = variable
    return tokens


def _token(variable: str, sources: Sources) -> str:
    value, file = sources.variable(variable), sources.variable(f"{variable}_FILE")
    if value and file:
        raise ConfigurationError(f"{variable} and {variable}_FILE are both set", "one of them", "Unset the other")
    if file:
        try:
            value = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{variable}_FILE cannot be read ({type(error).__name__})", "a file that holds the token") from None
    if not value:
        raise ConfigurationError(f"{variable} is not set", "the token of that role", f"Set {variable} or {variable}_FILE")
    if not TOKEN.fullmatch(value):
        raise ConfigurationError(
            f"{variable} is no usable token (length {len(value)})",
            "8 to 4096 visible ASCII characters without spaces",
            "Check for quotes or a line break",
        )
    return value


def _batch_code(sources: Sources) -> str:
    code = sources.get("batch_code") or DEFAULT_BATCH
    if not NAME.fullmatch(code):
        raise ConfigurationError(f"BATCH_CODE '{code[:80]}' cannot be used", "letters, digits, '.', '_' and '-' only", "Correct it")
    return code


def _level(sources: Sources) -> Safety:
    text = sources.get("level") or Safety.BURST
    if text not in list(Safety):
        raise ConfigurationError(f"GATE_LEVEL is '{text[:40]}'", f"one of {', '.join(Safety)}", "Correct it")
    return Safety(text)


def _database_url(sources: Sources) -> str | None:
    url = sources.get("database_url")
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme.split("+")[0] in ("postgresql", "postgres")
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError("DATABASE_URL is no PostgreSQL URL", "postgresql://user:password@host:port/name", "Correct it or unset it")
    return url
