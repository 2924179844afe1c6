"""Other people's programs on one bundle: sha256sum, bagit, openssl and ssh-keygen take it whole, and none of them takes it changed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import bagit  # type: ignore[import-untyped]  # it has no types
import pytest

from gate.evidence.sshsig import NAMESPACE
from gate.evidence.verify import State, verify
from tests.evidence import bundles
from tests.evidence.bundles import Company
from tests.evidence.test_verify import edit_json, flip

ROOT = Path(__file__).parents[2]
GUIDE = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs/VERIFY.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
SIGNED_AT = "20260228120000"  # as bundles.sign has it


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    """jq, openssl and ssh-keygen; never passed over in silence."""
    done = subprocess.run([ROOT / "scripts/install_tools.sh"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return bundles.company(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def whole(made: Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle that all of them see: signed, approved, decided, and VALID."""
    bundle = bundles.run(tmp_path_factory.mktemp("out"), made.gate)
    bundles.sign_all(bundle, made)
    assert bundles.decide_on(bundle, made) == ("PASSED", ())
    assert verify(bundle, made.load()).state is State.VALID
    return bundle


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / whole.name))


def run(bundle: Path, *command: str | Path, given: bytes = b"") -> tuple[int, str]:
    """Exit status and output of a program in the bundle."""
    done = subprocess.run(command, cwd=bundle, env={**os.environ, "TZ": "UTC"}, input=given, capture_output=True, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


def guide(bundle: Path, made: Company) -> tuple[int, str]:
    """What docs/VERIFY.md tells a stranger to type."""
    (script,) = GUIDE
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],  # noqa: S607 - Debian's
        cwd=bundle,
        env={**os.environ, "TRUST": str(made.trust)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def signers(made: Company, **until: str) -> Path:
    """An allowed_signers file made of approvers.json, with each key's time; `until` ends somebody's earlier."""
    people = json.loads((made.trust / "approvers.json").read_text())["person"]
    path = made.folder / f"allowed_signers{''.join(until)}"
    with path.open("w") as file:
        for person in people:
            for key in person["key"]:
                begun, ended = (re.sub("[-:TZ]", "", key[name]) for name in ("valid_from", "valid_until"))
                ended = until.get(person["id"].partition("@")[0], ended)
                file.write(f'{person["id"]} namespaces="{NAMESPACE}",valid-after="{begun}",valid-before="{ended}" {key["public"]}\n')
    return path


def ssh_verify(bundle: Path, signers: Path, paper: str, who: str, namespace: str = NAMESPACE) -> tuple[int, str]:
    path = bundle / "attestations" / "approvals" / paper
    options = ("-f", signers, "-I", f"{who}@example.com", "-n", namespace, "-s", f"{path}.sig", "-O", f"verify-time={SIGNED_AT}")
    return run(bundle, "ssh-keygen", "-Y", "verify", *options, given=path.read_bytes())


def bag(bundle: Path) -> bool:
    return run(bundle.parent, sys.executable, bagit.__file__, "--validate", bundle)[0] == 0


@pytest.mark.parametrize("manifest", ["manifest-sha256.txt", "tagmanifest-sha256.txt"])
def test_sha256sum_takes_both_manifests(manifest: str, whole: Path) -> None:
    status, text = run(whole, "sha256sum", "-c", "--strict", manifest)
    assert (status, text.count(": OK")) == (0, len((whole / manifest).read_text().splitlines())), text


def test_bagit_takes_the_bag(whole: Path) -> None:
    found = bagit.Bag(str(whole))
    assert found.validate(completeness_only=False)
    assert (found.version_info, found.algorithms) == ((1, 0), ["sha256"])
    assert set(found.payload_files()) == {f"data/{path.name}" for path in (whole / "data").iterdir()}
    assert bag(whole)


def test_openssl_and_ssh_keygen_take_every_signature_as_the_guide_has_it(whole: Path, made: Company) -> None:
    status, text = guide(whole, made)
    assert status == 0, text
    assert text.count("Verified OK") == 2
    assert text.count(f'Good "{NAMESPACE}" signature for ') == 3


@pytest.mark.parametrize(("paper", "who"), [("01-Engineering.json", "eng"), ("02-QA.json", "qa"), ("03-Operations.json", "ops")])
def test_ssh_keygen_takes_each_approval_at_the_time_it_was_signed(paper: str, who: str, whole: Path, made: Company) -> None:
    status, text = ssh_verify(whole, signers(made), paper, who)
    assert (status, text.startswith(f'Good "{NAMESPACE}" signature for {who}@example.com with ED25519 key ')) == (0, True), text


def test_ssh_keygen_refuses_an_approval_as_anything_else(whole: Path, made: Company) -> None:
    assert ssh_verify(whole, signers(made), "02-QA.json", "ops")[0] != 0
    assert ssh_verify(whole, signers(made), "02-QA.json", "qa", namespace="file")[0] != 0
    assert ssh_verify(whole, signers(made, qa="20260228115959"), "02-QA.json", "qa")[0] != 0


def test_openssl_refuses_another_key(whole: Path, made: Company, tmp_path: Path) -> None:
    trust = Path(shutil.copytree(made.trust, tmp_path / "trust"))
    shutil.copy(trust / "release.pub.pem", trust / "gate.pub.pem")
    status, text = guide(whole, Company(tmp_path, made.gate, made.release))
    assert (status, "Verification failure" in text) == (1, True), text


def envelope(bundle: Path) -> None:
    edit_json(bundle / "attestations/gate.dsse.json", lambda e: e.update(payload=e["payload"].replace("A", "B", 1)))


CHANGED: dict[str, tuple[Callable[[Path], object], bool, str]] = {
    "a report": (lambda p: flip(p / "data/report.html"), False, "FAILED"),
    "a report gone": (lambda p: (p / "data/junit.xml").unlink(), False, "No such file"),
    "the manifest": (lambda p: flip(p / "manifest-sha256.txt"), False, ""),
    "the bag's information": (lambda p: flip(p / "bag-info.txt"), False, ""),
    "the gate's statement": (envelope, True, "Verification failure"),
    "an approval": (lambda p: flip(p / "attestations/approvals/02-QA.json"), True, ""),
    "an approval's signature": (lambda p: flip(p / "attestations/approvals/02-QA.json.sig"), True, ""),
}


@pytest.mark.parametrize("what", CHANGED)
def test_none_of_them_takes_it_changed(what: str, copy: Path, made: Company) -> None:
    """The bag is about the payload; the papers beside it are for openssl and ssh-keygen."""
    change, bag_is_whole, words = CHANGED[what]
    change(copy)
    status, text = guide(copy, made)
    assert status != 0
    assert words in text
    assert bag(copy) == bag_is_whole
    assert verify(copy, made.load()).state is State.INVALID
