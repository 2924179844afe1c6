"""`t` in a suite: builds probes from the profile, the settings and a few words. It sends nothing."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

from gate.model import Lacking, Probe, Safety
from gate.paths import data_root
from gate.probe.build import encode_json, encode_query
from gate.redact import Redactor
from gate.target.profile import Endpoint
from gate.target.settings import Settings

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_READS = ("GET", "HEAD", "OPTIONS", "TRACE")
BEARER = {"header": "Authorization", "prefix": "Bearer "}
ABSENT: Any = object()
ELSEWHERE = timezone(timedelta(hours=-9, minutes=-30))


class Target:
    """The target as suites see it.

    `decoy_token` is well-formed and unknown to the target; `ghost_uuid` and `ghost_batch` exist nowhere; `marker` names this run.
    """

    def __init__(self, settings: Settings, run_id: str, redactor: Redactor) -> None:
        self.settings, self.profile, self.run_id = settings, settings.profile, run_id
        self._redactor = redactor
        self.ghost_uuid, self.ghost_batch = str(uuid.uuid4()), f"GATE-GHOST-{secrets.token_hex(4).upper()}"
        self.marker = f"gate-{run_id}"
        self.decoy_token = secrets.token_urlsafe(48)[: max(16, min(64, len(next(iter(settings.tokens.values())))))]

    @property
    def schemes(self) -> list[Mapping[str, str]]:
        """How a token may be sent, strongest first."""
        return list(self.profile.data.get("auth", {}).get("schemes", [BEARER]))

    def truth(self, name: str) -> str | None:
        """The profile's query of that name for the records (sql/truth); None where it has none, or there is no database to ask."""
        file: str | None = self.profile.data.get("truth", {}).get(name)
        if file is None or self.settings.database_url is None:
            return None
        return (data_root() / "sql" / "truth" / file).read_text(encoding="utf-8")

    def fill(self, template: Any, **known: str) -> Any:
        """A path, body or header text with its placeholders filled in; in strings that start with `/` the values are URL-quoted."""
        if isinstance(template, Mapping):
            return {key: self.fill(value, **known) for key, value in template.items()}
        if isinstance(template, list):
            return [self.fill(value, **known) for value in template]
        if not isinstance(template, str) or "{" not in template:
            return template
        values = self._values() | known
        quoting = template.startswith("/")
        return _PLACEHOLDER.sub(lambda match: quote(values[match[1]], safe="") if quoting else values[match[1]], template)

    def _values(self) -> dict[str, str]:
        now = datetime.now(UTC)
        return {
            "batch_code": self.settings.batch_code,
            "ghost_uuid": self.ghost_uuid,
            "ghost_batch": self.ghost_batch,
            "run_id": self.run_id,
            "now": _zulu(now),
            # The same moment as it is written where no offset is a whole hour: who cuts the offset off is hours wrong.
            "now_elsewhere": now.astimezone(ELSEWHERE).isoformat(timespec="milliseconds"),
            # A window that must hold what has just happened may not end now: clocks differ, and a millisecond is cut off.
            "soon": _zulu(now + timedelta(hours=1)),
            "year_start": f"{now.year}-01-01T00:00:00Z",
        }

    def credential(self, identity: str | None, *, scheme: int = 0, token: str | None = None) -> tuple[tuple[str, str], ...]:
        """The header that carries an identity's token (or any other token), in one of the profile's schemes."""
        value = token if token is not None else self.settings.tokens[identity] if identity else None
        if value is None:
            return ()
        form = self.schemes[scheme]
        return ((form["header"], f"{form['prefix']}{value}"),)

    def request(
        self,
        method: str,
        path: str,
        *,
        identity: str | None = None,
        scheme: int = 0,
        token: str | None = None,
        query: Mapping[str, Any] | None = None,
        json: Any = ABSENT,
        body: bytes | None = None,
        headers: Sequence[tuple[str, str]] = (),
        safety: Safety | None = None,
        deadline: float | None = None,
        fresh: bool = False,
        provokes: bool = False,
        note: str = "",
    ) -> Probe:
        """A probe. `path` may hold placeholders and goes on the wire as it is otherwise; `token` replaces the identity's own."""
        target = self.fill(path)
        if query:
            target = f"{target}{'&' if '?' in target else '?'}{encode_query(query)}"
        own = [*self.credential(identity, scheme=scheme, token=token), *headers]
        if json is not ABSENT:
            body = encode_json(self.fill(json))
            own.append(("Content-Type", "application/json"))
        return Probe(
            method,
            target,
            tuple(own),
            body,
            identity or ("decoy" if token is not None else None),
            safety or (Safety.READ if method in _READS else Safety.DENIED),
            deadline or float(self.profile.limits.deadline_seconds),
            int(self.profile.limits.body_limit_bytes),
            fresh,
            provokes,
            note,
        )

    def get(self, path: str, identity: str | None = None, **parts: Any) -> Probe:
        """A GET."""
        return self.request("GET", path, identity=identity, **parts)

    def post(self, path: str, identity: str | None = None, **parts: Any) -> Probe:
        """A POST; of safety class `denied` unless said otherwise: it must be refused, or be harmless."""
        return self.request("POST", path, identity=identity, **parts)

    def derived(self, identity: str, change: Callable[[str], str]) -> str:
        """A string made from an identity's token; it is a secret too, and the redactor learns it."""
        text = change(self.settings.tokens[identity])
        self._redactor.add(text)
        return text

    def call(self, endpoint: Endpoint, identity: str | None = None, **parts: Any) -> Probe:
        """The endpoint's harmless call of the access matrix, by that identity (None: without a token)."""
        if endpoint.has_body:
            parts.setdefault("json", endpoint.body)
        return self.request(endpoint.method, endpoint.path, identity=identity, **parts)

    def entitled(self, endpoint: Endpoint) -> list[str]:
        """The identities that must be let in."""
        return [name for name, identity in self.profile.identities.items() if endpoint.admits(identity)]

    def refused(self, endpoint: Endpoint) -> list[str]:
        """The identities that must be refused."""
        return [name for name, identity in self.profile.identities.items() if not endpoint.admits(identity)]

    @property
    def weakest(self) -> str:
        """The identity with the least power: the last one of the profile."""
        return str(list(self.profile.identities)[-1])

    @property
    def guarded_read(self) -> Endpoint:
        """A read that some identities may do and others may not; Lacking where the profile has none."""
        for endpoint in self.profile.endpoints:
            if endpoint.method == "GET" and 200 in endpoint.allowed and self.entitled(endpoint) and self.refused(endpoint):
                return endpoint
        raise Lacking("the profile has no GET endpoint, answered with 200, that some of its identities may call and others may not")

    @property
    def strange_origin(self) -> str:
        """An origin that no deployment allows."""
        return f"https://gate-{self.run_id}.example"

    @property
    def missing_status(self) -> list[int]:
        """Statuses that refuse a caller without a valid token."""
        return list(self.profile.data.get("auth", {}).get("missing_status", [401, 403]))

    @property
    def denied_status(self) -> list[int]:
        """Statuses that refuse a known caller without the role."""
        return list(self.profile.data.get("auth", {}).get("denied_status", [403, 404]))


def _zulu(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
