"""Bundles broken in ways that the two verifiers must judge alike: what `test_verify.py` has no hands for."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gate.evidence import approval
from gate.evidence.decision import inputs
from gate.evidence.dsse import open_envelope, pae
from gate.evidence.journal import GENESIS, digest
from gate.evidence.keys import PrivateKey, load_private, new_key
from gate.evidence.replay import replay
from gate.evidence.strict import canonical, encode64
from gate.evidence.trust import load_trust
from gate.report import render_all
from tests.evidence import bundles
from tests.evidence.bundles import Company
from tests.evidence.test_verify import edit_json, journal, rebag, rebag_only, reseal, undecide

BOSS = '["distinct-person", "distinct-key", "operator", "author", "evidence-age"]'
PAPERS = ("01-Engineering.json", "02-QA.json", "03-Operations.json")


@dataclass
class Lab:
    """A company with somebody who may except, a stranger with keys, and a room for what a case needs."""

    made: Company
    room: Path

    @property
    def stranger(self) -> PrivateKey:
        """A key that nobody trusts."""
        folder = self.room / "stranger"
        return load_private(folder / "other.key.pem" if folder.exists() else new_key(folder, "other")[0])

    def trust(self, change: Callable[[dict[str, Any]], object]) -> Path:
        """Another trust folder: people changed, the keys as they were."""
        folder = self.room / "trust"
        shutil.copytree(self.made.trust, folder)
        (folder / "approvers.toml").unlink()
        edit_json(folder / "approvers.json", change)
        load_trust(folder)
        return folder

    def keys(self, *names: str) -> Path:
        """Another trust folder, without these files."""
        folder = self.room / "trust"
        shutil.copytree(self.made.trust, folder)
        for name in names:
            (folder / name).unlink()
        return folder


def company(folder: Path) -> Company:
    """As `bundles.company`, and a boss who may except from every rule; `ssh/stranger` is a key of nobody."""
    folder.mkdir(exist_ok=True)
    public = bundles.ssh_key(folder / "ssh" / "boss")
    bundles.ssh_key(folder / "ssh" / "stranger")
    about = {"id": '"boss@example.com"', "name": '"Person boss"', "roles": '["Release"]', "may_except": BOSS}
    lines = ["[[person]]", *(f"{key} = {value}" for key, value in about.items())]
    lines += ["[[person.key]]", f'public = "{public}"', "valid_from = 2026-01-01", "valid_until = 2027-12-31"]
    return bundles.company(folder, more="\n".join(lines) + "\n")


def rechain(bundle: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """The journal's events changed, with numbers and chain done anew."""

    def anew(lines: list[bytes]) -> list[bytes]:
        entries = [json.loads(line) for line in lines]
        change(entries)
        made, head = [], GENESIS
        for number, entry in enumerate(entries):
            line = canonical({**entry, "seq": number, "prev": head})
            made.append(line + b"\n")
            head = digest(line)
        return made

    journal(bundle, anew)


def rewritten(bundle: Path, made: Company, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Journal, reports, manifests and statement done anew, by whoever has the gate's key."""
    rechain(bundle, change)
    for name, text in render_all(replay(bundle / "data" / "journal.jsonl")).items():
        (bundle / "data" / name).write_text(text)
    rebag(bundle, made)


def data_of(entries: list[dict[str, Any]], event: str) -> Any:
    """What the first event of that kind says."""
    return next(entry["data"] for entry in entries if entry["event"] == event)


def put(bundle: Path, name: str, text: str, made: Company) -> None:
    """Another content of a file, the bag and the statement anew."""
    (bundle / "data" / name).write_text(text)
    rebag(bundle, made)


def raw_envelope(bundle: Path, made: Company, payload: bytes) -> None:
    """A payload in any form, truly signed."""
    outer = {"payload": encode64(payload), "payloadType": "application/vnd.in-toto+json"}
    outer |= {"signatures": [{"keyid": made.gate.public.keyid, "sig": encode64(made.gate.sign(pae(payload)))}]}  # type: ignore[dict-item]  # nested
    (bundle / "attestations" / "gate.dsse.json").write_bytes(canonical(outer) + b"\n")


def payload(bundle: Path) -> bytes:
    """Of the gate's statement."""
    return open_envelope((bundle / "attestations" / "gate.dsse.json").read_bytes()).payload


def paper(bundle: Path, made: Company, content: Callable[[bytes], bytes], who: str = "qa") -> None:
    """The second paper in other bytes, signed anew by its own key."""
    undecide(bundle)
    path = bundle / "attestations" / "approvals" / "02-QA.json"
    path.write_bytes(content(path.read_bytes()))
    path.with_name(path.name + ".sig").write_bytes(bundles.ssh_sign(made.key(who), path.read_bytes()))


def changed_paper(bundle: Path, made: Company, change: Callable[[Any], object]) -> None:
    """The second paper with another content, canonical and signed by its own key."""

    def content(old: bytes) -> bytes:
        said = json.loads(old)
        change(said)
        return canonical(said) + b"\n"

    paper(bundle, made, content)


def only(bundle: Path, lab: Lab, *signed: tuple[str, str], **changes: Any) -> None:
    """The papers of these people alone; the last one with changes; undecided."""
    undecide(bundle)
    shutil.rmtree(bundle / "attestations" / "approvals")
    for who, role in signed:
        bundles.sign(bundle, lab.made, who, role, **(changes if (who, role) == signed[-1] else {}))


ALL = (("eng", "Engineering"), ("qa", "QA"), ("ops", "Operations"))


def excepted(bundle: Path, lab: Lab, who: str, rule: str, person: str, *, reason: str = "an emergency") -> None:
    """Eng signs for QA as well, and somebody excepts from the rule."""
    trust = lab.room / "trust"
    if not trust.exists():
        lab.trust(lambda d: d["person"][0]["roles"].append("QA"))
    only(bundle, lab, ("eng", "Engineering"), ("eng", "QA"), ("ops", "Operations"))
    rules = ("distinct-person", "distinct-key") if rule == "both" else (rule,)
    for one in rules:
        told: dict[str, Any] = {"rule": one, "person": person, "reason": reason}
        bundles.sign(bundle, lab.made, who, "QA", kind=approval.EXCEPTION_TYPE, **told)


def decide_under(bundle: Path, lab: Lab, *, at: str = "2026-02-28T13:00:00Z") -> None:
    """Decided by the rules of the trust folder in the room, or of the company."""
    folder = lab.room / "trust"
    where = replace(lab.made, folder=lab.room) if folder.exists() else lab.made
    assert bundles.decide_on(bundle, where, at=at, final=True) is not None


def sealed(bundle: Path, key: PrivateKey, change: Callable[[Any], object] = lambda _: None) -> None:
    """The decision changed and signed by that key, whose copy lies beside it, listed."""
    (bundle / "attestations" / "release.pub.pem").write_bytes(key.public.pem)

    def anew(said: Any) -> None:
        found = sorted(inputs(bundle).items())
        said["predicate"]["inputAttestations"] = [{"digest": {"sha256": value}, "uri": name} for name, value in found]
        change(said)

    reseal(bundle, "release.dsse.json", key, anew)


def replayed(bundle: Path, lab: Lab) -> None:
    """An approval of another run in the place of this one's."""
    other = bundles.run(lab.room / "out", lab.made.gate, at=bundles.BEGUN.replace(hour=11))
    bundles.sign_all(other, lab.made)
    undecide(bundle)
    for end in ("", ".sig"):
        name = f"attestations/approvals/02-QA.json{end}"
        shutil.copy(other / name, bundle / name)


def instead(bundle: Path, lab: Lab, **options: Any) -> None:
    """Another run's bundle in its place: approved and decided."""
    decided = options.pop("decided", True)
    other = bundles.run(lab.room / "out", lab.made.gate, **options)
    shutil.rmtree(bundle)
    shutil.copytree(other, bundle)
    bundles.sign_all(bundle, lab.made)
    if decided:
        decide_under(bundle, lab)


def before(bundle: Path, lab: Lab, change: Callable[[Path], object]) -> None:
    """The second bundle of a folder, the first one beside it changed."""
    shutil.rmtree(bundle)
    first = bundles.run(bundle.parent, lab.made.gate, at=bundles.BEGUN.replace(hour=8))
    second = bundles.run(bundle.parent, lab.made.gate, at=bundles.BEGUN.replace(hour=12))
    second.rename(bundle)
    bundles.sign_all(bundle, lab.made)
    decide_under(bundle, lab)
    change(first)


def half(bundle: Path) -> None:
    """A bundle whose run was killed: the last line of its journal is cut."""
    path = bundle / "data" / "journal.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]) + b'{"at":')
    rebag_only(bundle)


def folder_link(path: Path) -> None:
    """A folder behind a link."""
    aside = path.parent.parent / f"{path.name}.aside"
    path.rename(aside)
    path.symlink_to(aside)


def pipe(path: Path) -> None:
    """One more entry, which blocks whoever opens it."""
    os.mkfifo(path)


def append(path: Path, text: str) -> None:
    """More at the end of a file."""
    path.write_text(path.read_text("utf-8") + text, "utf-8")
