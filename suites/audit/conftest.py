"""The audit drill: a pack that claims too much, then the pack that is judged (made, verified, downloaded twice), then the trail."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any

import pytest

from gate.api import SUCCESS, Database, Inconclusive, Observation, Safety, Unmet, drill, must_answer, pick, require

NEVER = "2001-02-03T04:05:06.789Z"  # a window that begins and ends here holds no event
CALLER_HEADERS = ("X-User", "X-Actor", "X-User-Id", "X-Remote-User")
CALLER_QUERY = ("actor_id", "user_id", "verified_by", "created_by")


def moment(value):
    """A time as a moment; None if it is none. Without an offset it is taken as UTC (SHAPE-001 judges that)."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def server_time(seen):
    """The service's clock when it answered, to the second; the gate's own where the answer has no date."""
    try:
        return parsedate_to_datetime(seen.answer.header("date") or "").astimezone(UTC)
    except (ValueError, TypeError):
        return moment(seen.started_at) + timedelta(seconds=seen.timing.total)


def listing(body):
    """The rows of an answer that is a list, or an object that holds one."""
    if isinstance(body, dict):
        body = next((value for value in body.values() if isinstance(value, list)), None)
    if not isinstance(body, list) or not all(isinstance(row, dict) for row in body):
        raise Unmet("a list of objects", f"{body!r:.80}")
    return body


def as_csv(data, name):
    """The rows of a CSV file, from its bytes."""
    csv.field_size_limit(16 * 1024 * 1024)
    try:
        return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise AssertionError(f"{name} cannot be read as CSV ({error})") from None


@dataclass
class Claims:
    """A pack whose requests claim what only the service may decide: in the body its id, creator and counts; elsewhere another caller."""

    body: dict[str, Any]
    alias: str
    generated: Observation
    plain: Observation | None = None
    verified: Observation | None = None
    pack_id: str | None = None

    @property
    def made(self):
        """The answer that made a pack."""
        return self.plain or self.generated


@dataclass
class PackDrill:
    """One audit pack through its whole life."""

    claims: Claims
    sent: dict[str, Any]
    generated: Observation
    pack_id: str = ""
    verified: Observation | None = None
    listed: Observation | None = None
    downloads: dict[str, list[Observation]] = field(default_factory=dict)
    unknown_file: Observation | None = None
    trail: Observation | None = None

    def files(self, *names):
        """The answer of generating, and the first download of each named file: what a control about their bytes rests on."""
        return [self.generated, *(self.downloads[name][0] for name in names)]

    def bytes_of(self, name):
        """A file as it was sent."""
        require(bool(self.downloads.get(name)), f"a download of {name}", "none")
        return must_answer(self.downloads[name][0]).answer.raw

    def json_of(self, name):
        """A file as JSON."""
        try:
            return json.loads(self.bytes_of(name))
        except ValueError as error:
            raise AssertionError(f"{name} is no JSON ({error})") from None


def claim(run, t):
    """Make and verify the pack of claims. Where claims are refused, which is fine, a pack without them takes its place."""
    rules, alias = t.profile.audit_pack, f"gate-alias-{t.run_id}"
    taken = hashlib.sha256(f"{t.run_id} claim".encode())
    body: dict[str, Any] = {name: f"gate-claim-{name}-{t.run_id}" for name in ("created_by", "folder_path", "valid", "status")} | {
        "pack_id": str(uuid.UUID(bytes=taken.digest()[:16])),
        "row_count": 700_000_000 + int(taken.hexdigest()[:6], 16),
        "manifest_hash": taken.hexdigest(),
    }
    headers, query = [(name, alias) for name in CALLER_HEADERS], dict.fromkeys(CALLER_QUERY, alias)
    common: dict[str, Any] = {"headers": headers, "safety": Safety.DRILL, "deadline": 60.0}
    sent = t.fill(rules.body, year_start=NEVER, now=NEVER, soon=NEVER) | body
    claims = Claims(body, alias, run.send(t.post(rules.generate, rules.generate_identity, json=sent, query=query, **common)))
    if claims.generated.response and 400 <= claims.generated.response.status < 500:
        claims.plain = run.send(t.post(rules.generate, rules.generate_identity, json=rules.body, **common))
    answer = safe_json(claims.made)
    pack_id = pick(rules.pack_id_field, answer)
    claims.pack_id = pack_id if isinstance(pack_id, str) and pack_id else None
    if claims.pack_id:
        path = t.fill(rules.verify, pack_id=claims.pack_id)
        claims.verified = run.send(t.post(path, rules.verify_identity, query=None if claims.plain else query, **common))
    return claims


def safe_json(seen):
    """The answer of a request that succeeded, None for any other."""
    try:
        return seen.json() if seen is not None and seen.status in SUCCESS else None
    except (Inconclusive, AssertionError):
        return None


def unknown_file(t, pack_id):
    """A file that no pack has."""
    rules = t.profile.audit_pack
    return t.get(t.fill(rules.download, pack_id=pack_id, file_name="gate-nothing.json"), rules.download_identity)


def generate_around(run, t, claims, generate):
    """Make the pack. While half of the body is on its way, somebody else asks for something: who then stands for the pack?"""
    if claims.pack_id is None:  # nothing there yet that he could ask for
        return run.send(generate), None
    return run.send_around(generate, unknown_file(t, claims.pack_id))


@drill()
def pack(run, t):
    """Run the drill; what a step cannot do without, it demands."""
    rules = t.profile.audit_pack
    with run.writing():
        claims = claim(run, t)
        sent = t.fill(rules.body)
        generate = t.post(rules.generate, rules.generate_identity, json=sent, safety=Safety.DRILL, deadline=60.0)
        generated, other = generate_around(run, t, claims, generate)
        found = PackDrill(claims, sent, generated, unknown_file=other)
        found.pack_id = pick(rules.pack_id_field, must_answer(generated, [200, 201]).json())
        require(isinstance(found.pack_id, str) and bool(found.pack_id), "a pack id", f"{found.pack_id!r:.60}")
        verify = t.post(t.fill(rules.verify, pack_id=found.pack_id), rules.verify_identity, safety=Safety.DRILL, deadline=60.0)
        found.verified = run.send(verify)
    use(run, t, found)
    _record(run, t, found)
    return found


def use(run, t, found):
    """All that is done with a verified pack: list, download twice (the second time the events may come compressed), its trail."""
    rules, pack_id = t.profile.audit_pack, found.pack_id
    names = (rules.checksums_file, rules.manifest_file, rules.events_file)
    probes: dict[str, Any] = {}
    parts: dict[str, Any] = {"fresh": True, "deadline": 60.0}
    for name in names:
        path = t.fill(rules.download, pack_id=pack_id, file_name=name)
        packed = [("Accept-Encoding", "gzip")] if name == rules.events_file else []
        probes[f"{name} 1"] = t.get(path, rules.download_identity, note="download 1", **parts)
        if packed:  # one file is enough to show that a second download is the same
            probes[f"{name} 2"] = t.get(path, rules.download_identity, note="download 2", headers=packed, **parts)
    if found.unknown_file is None:
        probes["unknown"] = unknown_file(t, pack_id)
    if rules.list:
        probes["list"] = t.get(rules.list, rules.download_identity)
    events = t.profile.data.get("audit_events")
    if events and events.get("entity_query"):
        probes["trail"] = t.get(events["path"], events["identity"], query={"limit": 100, events["entity_query"]: pack_id})
    seen = dict(zip(probes, run.send_each(list(probes.values())), strict=True))
    found.listed, found.trail = seen.get("list"), seen.get("trail")
    found.unknown_file = seen.get("unknown", found.unknown_file)
    found.downloads = {name: [seen[key] for key in (f"{name} 1", f"{name} 2") if key in seen] for name in names}


def _record(run, t, found):
    rules = t.profile.audit_pack
    verdict = safe_json(found.verified)
    first = found.downloads[rules.checksums_file][0]
    run.fact(
        "audit_pack",
        {
            "pack_id": found.pack_id,
            "valid": pick(rules.valid_field, verdict),
            **{name: pick(name, verdict) for name in rules.empty_fields},
            "download_file": rules.checksums_file,
            "download_status": first.response.status if first.response else None,
            "at": found.verified.started_at,
        },
    )


@pytest.fixture(scope="session")
def rows(pack, t):
    """The pack's events, as the file's own rows."""
    return as_csv(pack.bytes_of(t.profile.audit_pack.events_file), t.profile.audit_pack.events_file)


@pytest.fixture(scope="session")
def tools():
    """What several files of this suite read answers with."""
    return SimpleNamespace(moment=moment, server_time=server_time, listing=listing, as_csv=as_csv, safe_json=safe_json)


def newest(t, limit):
    """The newest stored events, read just before the list: it must show them. None without a database; why, where it did not answer."""
    sql = t.truth("newest")
    if sql is None:
        return None
    try:
        return Database(t.settings.database_url).query(sql, {"limit": limit})
    except Inconclusive as error:
        return error


@dataclass
class Trail:
    """One page of the list, the export of as many events right after it, one event by itself, and what was stored just before."""

    listed: Observation
    exported: Observation | None
    single: Observation | None
    rows: list[dict[str, Any]]
    limit: int
    stored: list[Any] | Inconclusive | None = None


@drill(after=("pack", "strangers", "guarded_calls", "everyone_else", "ccp_ingest"))
def trail(run, t):
    """Read the trail once, after whatever should be in it; every control about it shares this page."""
    events = t.profile.audit_events
    with contextlib.suppress(AssertionError):  # a profile in which nobody is refused anything
        # A refusal that the trail may know of; in a whole run the access matrix has sent the same one.
        run.send(t.call(t.guarded_read, t.refused(t.guarded_read)[0]))
    page: dict[str, Any] = {"query": {"limit": events.list_limit or 1000}, "deadline": 30.0}
    stored = newest(t, page["query"]["limit"])
    (listed,) = run.send_each([t.get(events.path, events.identity, **page)])
    rows = pick(events.rows, must_answer(listed).json())
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        keys = listed.json()
        told = f"the keys {', '.join(map(str, keys))}" if isinstance(keys, dict) else type(keys).__name__
        raise Inconclusive(f"the profile's audit_events.rows ('{events.rows}') finds no list of events; the answer has {told:.160}")
    require(bool(rows), "at least one event", "none")
    probes = {}
    if t.profile.has("audit_export"):
        probes["export"] = t.get(t.profile.audit_export.path, t.profile.audit_export.identity, **page)
    if t.profile.has("audit_event"):
        event = t.profile.audit_event
        probes["single"] = t.get(f"{event.path}{pick(events.id_field, rows[0])}", event.identity)
    seen = dict(zip(probes, run.send_each(list(probes.values())), strict=True))
    return Trail(listed, seen.get("export"), seen.get("single"), rows, page["query"]["limit"], stored)
