"""Downloads of a real pack: nobody gets them who may not, and nobody gets another file through them."""

from __future__ import annotations

import re
from typing import Any

from gate.api import SUCCESS, Phase, Safety, Unmet, control, describe, drill, must_answer, must_refuse, pick, require

DRILL: dict[str, Any] = {"phase": Phase.DRILLS, "feature": "audit_pack"}
FOREIGN = re.compile(rb"^root:[^\n]*:0:0:|^[A-Z][A-Z0-9_]*=\S", re.MULTILINE)
NAMES = {
    "encoded": "..%2f" * 8 + "etc%2fpasswd",
    "as it is": "../" * 8 + "etc/passwd",
    "absolute": "%2fetc%2fpasswd",
    "doubled dots": "....//" * 8 + "etc/passwd",
    "backslashes": "..%5c" * 8 + "etc%5cpasswd",
    "settings": "..%2f..%2f.env",
    "cut off by a NUL": "{file}%00.txt",
}


def path_of(t, pack, name):
    """The download's path with the name put in as it is."""
    return t.fill(t.profile.audit_pack.download, pack_id=pack.pack_id, file_name="GATE-FILE").replace("GATE-FILE", name)


@drill()
def foreign(run, t, pack):
    """Downloads of files that are not the pack's."""
    rules = t.profile.audit_pack
    targets = {note: path_of(t, pack, name.replace("{file}", rules.checksums_file)) for note, name in NAMES.items()}
    return run.send_each([t.get(target, rules.download_identity, provokes=True, note=note) for note, target in targets.items()])


@drill()
def strangers(run, t, pack):
    """A real file and a real pack, asked for by those who may not."""
    rules, others = t.profile.audit_pack, outsiders(t)
    files = [t.get(path_of(t, pack, rules.events_file), name, note="a real file") for name in (None, *others)]
    verify = t.fill(rules.verify, pack_id=pack.pack_id)
    checks = [t.post(verify, name, safety=Safety.DENIED, note="a real pack") for name in others]
    seen = run.send_each([*files, *checks])
    return seen[: len(files)], seen[len(files) :]


@drill()
def unasked(run, t, pack):
    """A real file, looked for in folders that are served without asking."""
    rules = t.profile.audit_pack
    folder = pick(rules.folder_field or "folder_path", must_answer(pack.generated, SUCCESS).json())
    folder = folder.strip("/") if isinstance(folder, str) and re.fullmatch(r"[\w./-]+", folder) else pack.pack_id
    return run.send_each([t.get(f"{mount}/{folder}/{rules.events_file}", note="without a token") for mount in ("/storage", "/static")])


@drill()
def parts(run, t, pack):
    """A part of a file, and one that cannot be."""
    rules = t.profile.audit_pack
    target, common = path_of(t, pack, rules.manifest_file), {"provokes": True}
    return run.send_each([t.get(target, rules.download_identity, headers=[("Range", name)], note=name, **common) for name in RANGES])


RANGES = ("bytes=-1", "bytes=5-2")


@control(
    "FILE-001",
    "A download gives no file but the pack's own",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="drill",
    refs=["ASVS 5.0 5.3.2", "WSTG-ATHZ-01", "CWE-22"],
    covers=("O1", "O2", "L4"),
    why="Whoever may read packs could read the service's keys and everything it stores.",
    mend="Look the name up in the list of the pack's files; never join it to a path.",
    **DRILL,
)
def test_no_foreign_files(pack, foreign, measured, t):
    rules = t.profile.audit_pack
    measured([*pack.files(rules.manifest_file), *foreign])
    pack.bytes_of(rules.manifest_file)
    must_answer(pack.generated, SUCCESS)
    for seen in foreign:
        if seen.status in SUCCESS or FOREIGN.search(seen.answer.body):
            raise Unmet("a refusal", f"HTTP {seen.status} and {len(seen.answer.body)} bytes for {seen.probe}", "bypass")
        require(seen.status < 500, "a refusal", f"a crash: {describe(seen)}", "crash")


@control(
    "FILE-002",
    "A pack that exists is closed to callers who may not read it, and so is an event",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="drill",
    refs=["OWASP API1:2023", "ASVS 5.0 8.2.2", "ASVS 5.0 8.3.1"],
    covers=("O5", "E1", "W13", "B2", "D2"),
    why="A check that comes after the look-up refuses what does not exist and gives away what does.",
    mend="Decide the role before anything is looked up.",
    **DRILL,
)
def test_real_objects_are_guarded(pack, strangers, send, measured, t, request):
    files, checks = strangers
    proof = pack.downloads[t.profile.audit_pack.events_file][0]
    measured([proof, pack.verified, *files, *checks])
    for seen in files:
        must_refuse(seen, proof, refusals=t.denied_status if seen.probe.identity else t.missing_status)
    for seen in checks:
        must_refuse(seen, must_answer(pack.verified), refusals=t.denied_status)
    others = outsiders(t)
    if others and t.profile.has("audit_events,audit_event"):
        # Asked for here, for a target without a trail has no such part.
        single = request.getfixturevalue("trail").single
        measured([single])
        must_refuse(send(t.get(single.probe.target, others[0])), must_answer(single), refusals=t.denied_status)


def outsiders(t):
    """One identity that may not read packs, where the profile knows of one."""
    download = t.profile.audit_pack.download.split("{")[0]
    guarded = [endpoint for endpoint in t.profile.endpoints if endpoint.path.startswith(download) and endpoint.method == "GET"]
    return [name for endpoint in guarded for name in t.refused(endpoint)][:1]


@control(
    "FILE-003",
    "A pack's files lie in no folder that is served without asking",
    severity="critical",
    waivable=False,
    criterion="auth",
    safety="drill",
    refs=["WSTG-CONF-04", "OWASP API1:2023"],
    covers=("B18", "K11"),
    why="Anyone who has seen a pack's folder could take the evidence, without a token.",
    mend="Do not mount the storage folder.",
    **DRILL,
)
def test_storage_is_not_served(pack, unasked, measured, t):
    rules = t.profile.audit_pack
    content = pack.bytes_of(rules.events_file)
    measured([*pack.files(rules.events_file), *unasked])
    must_answer(pack.generated, SUCCESS)
    for seen in unasked:
        # A site that answers every path with its own page serves no file.
        same = seen.answer.body == content or (seen.status in SUCCESS and seen.media_type != "text/html")
        require(not same, "no file", f"HTTP {seen.status} and {len(seen.answer.body)} bytes for {seen.probe}", "bypass")


@control(
    "FILE-004",
    "A part of a file is that part, and a part that cannot be is refused without a crash",
    severity="medium",
    criterion="audit",
    safety="drill",
    refs=["RFC 9110 14.2"],
    covers=("O6",),
    why="A download that is resumed would end with wrong bytes.",
    mend="Update the framework, or ignore Range.",
    **DRILL,
)
def test_ranges(pack, parts, measured, t):
    rules = t.profile.audit_pack
    whole = pack.bytes_of(rules.manifest_file)
    measured([*pack.files(rules.manifest_file), *parts])
    must_answer(pack.generated, SUCCESS)
    for seen, wanted, part in zip(parts, RANGES, (whole[-1:], None), strict=True):
        require(seen.status < 500, "an answer without a crash", describe(seen), "crash")
        right = {200: whole, 206: part}.get(seen.status)
        told = f"HTTP {seen.status} with {len(seen.answer.raw)} bytes"
        if seen.status in SUCCESS:
            require(seen.answer.raw == right, f"the file, or its part {wanted}", told)
        else:
            require(part is None or seen.status == 416, f"the part {wanted} of a file of {len(whole)} bytes", told)
