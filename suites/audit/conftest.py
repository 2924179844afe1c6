"""The audit pack drill: generate, verify, download every file twice, read the trail. Bytes stay untouched."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field

import pytest

from gate.api import Observation, Safety, must_answer, pick, require


@dataclass
class PackDrill:
    """One audit pack through its whole life."""

    generated: Observation
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


@pytest.fixture(scope="session")
def pack(run, t):
    """Run the drill; what a step cannot do without, it demands."""
    rules = t.profile.audit_pack
    generated = run.send(t.post(rules.generate, rules.generate_identity, json=rules.body, safety=Safety.DRILL, deadline=60.0))
    drill = PackDrill(generated)
    pack_id = pick(rules.pack_id_field, must_answer(generated, [200, 201]).json())
    require(isinstance(pack_id, str) and bool(pack_id), "a pack id", f"{pack_id!r:.60}")
    drill.verified = run.send(t.post(t.fill(rules.verify, pack_id=pack_id), rules.verify_identity, safety=Safety.DRILL, deadline=60.0))
    for name in (rules.checksums_file, rules.manifest_file, rules.events_file):
        path = t.fill(rules.download, pack_id=pack_id, file_name=name)
        drill.downloads[name] = [
            run.send(t.get(path, rules.download_identity, fresh=True, deadline=60.0, note=f"download {number}")) for number in (1, 2)
        ]
    drill.unknown_file = run.send(t.get(t.fill(rules.download, pack_id=pack_id, file_name="gate-nothing.json"), rules.download_identity))
    if rules.list:
        drill.listed = run.send(t.get(rules.list, rules.download_identity, fresh=True))
    events = t.profile.data.get("audit_events")
    if events and events.get("entity_query"):
        query = {"limit": 100, events["entity_query"]: pack_id}
        drill.trail = run.send(t.get(events["path"], events["identity"], query=query, fresh=True))
    _record(run, t, drill, pack_id)
    return drill


def _record(run, t, drill, pack_id):
    rules = t.profile.audit_pack
    try:
        verdict = must_answer(drill.verified).json()
    except Exception:  # noqa: BLE001 - the fact is then empty; AUD-002 judges the answer
        verdict = None
    first = drill.downloads[rules.checksums_file][0]
    run.fact(
        "audit_pack",
        {
            "pack_id": pack_id,
            "valid": pick(rules.valid_field, verdict),
            **{name: pick(name, verdict) for name in rules.empty_fields},
            "download_file": rules.checksums_file,
            "download_status": first.response.status if first.response else None,
            "at": drill.verified.started_at,
        },
    )


@pytest.fixture(scope="session")
def rows(pack, t):
    """The pack's events, as the file's own rows."""
    csv.field_size_limit(16 * 1024 * 1024)
    try:
        text = pack.bytes_of(t.profile.audit_pack.events_file).decode("utf-8")
        return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise AssertionError(f"{t.profile.audit_pack.events_file} cannot be read as CSV ({error})") from None
