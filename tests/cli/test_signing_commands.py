"""The commands of signing as processes of their own: killed, at the same moment, with the wrong files and with texts that mean harm."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gate.evidence.approval import FILE
from gate.evidence.verify import State, verify
from tests.evidence import bundles
from tests.evidence.bundles import Company

GATE = (sys.executable, "-m", "gate")
ROLES = {"eng": "Engineering", "qa": "QA", "ops": "Operations"}
APPROVE = ("--decision", "approve", "--meaning", "Approved for production release")
HOSTILE = ("a\x1b[2Jb", "a\nb", "a\rb", "safe\u202egnp.exe", "\u200b", "a\u2028b", "\x9b31m", "a\tb", "x" * 2001, "\udcff")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return bundles.company(tmp_path_factory.mktemp("company"), until="2099-12-31")


@pytest.fixture(scope="module")
def go(made: Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    at = datetime.now(UTC) - timedelta(minutes=1)
    return bundles.run(tmp_path_factory.mktemp("out"), made.gate, at=at, operator="ci@example.com", commit_author="dev@example.com")


@pytest.fixture
def bundle(go: Path, tmp_path: Path) -> Path:
    shutil.copytree(go, tmp_path / "out" / go.name)
    return tmp_path / "out" / go.name


def signing(made: Company, bundle: Path, who: str, *more: str, key: Path | None = None) -> list[str]:
    own = ("--role", ROLES[who], "--as", f"{who}@example.com", "--ssh-key", key or made.key(who), "--trust", made.trust)
    return [*map(str, ("sign", bundle, *own)), *(more or APPROVE)]


def deciding(made: Company, bundle: Path, *more: str) -> list[str]:
    key = made.folder / "keys" / "release.key.pem"
    return [*map(str, ("decide", bundle, "--trust", made.trust, "--key", key)), *more]


def done(arguments: Iterable[str], command: tuple[str, ...] = GATE) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "GATE_TRUST"}
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, errors="replace", check=False, timeout=90, env=environment
    )


def at_once(*commands: list[str]) -> list[int]:
    running = [subprocess.Popen([*GATE, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for arguments in commands]
    return [process.wait(timeout=90) for process in running]


def papers(bundle: Path) -> list[str]:
    return sorted(path.name for path in (bundle / "attestations" / "approvals").glob("*"))


def contents(bundle: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()}


def test_three_people_at_the_same_moment(bundle: Path, made: Company) -> None:
    assert at_once(*(signing(made, bundle, who) for who in ROLES)) == [0, 0, 0]
    found = [match for name in papers(bundle) if (match := FILE.fullmatch(name))]
    assert sorted(match[1] for match in found) == ["01", "02", "03"]
    assert {match[2] for match in found} == set(ROLES.values())
    assert done(deciding(made, bundle)).returncode == 0
    assert verify(bundle, made.load()).state is State.VALID


def test_one_person_twice_at_the_same_moment(bundle: Path, made: Company) -> None:
    assert sorted(at_once(*[signing(made, bundle, "qa")] * 4)) == [0, 10, 10, 10]
    assert papers(bundle) == ["01-QA.json", "01-QA.json.sig"]


@pytest.mark.slow
def test_a_signature_and_a_decision_at_the_same_moment(bundle: Path, made: Company) -> None:
    for who in ("eng", "ops"):
        assert done(signing(made, bundle, who)).returncode == 0
    signed, *decided = at_once(signing(made, bundle, "qa"), *[deciding(made, bundle, "--final")] * 3)
    found = verify(bundle, made.load())
    assert (found.state, sorted(decided)) == (State.VALID, [10, 10, 10] if found.decision == "FAILED" else [0, 10, 10])
    assert signed == (0 if "03-QA.json" in papers(bundle) else 10)


KILLED = """
import os, sys
from pathlib import Path
from gate.cli.main import main
left, real = int(sys.argv.pop(1)), Path.rename
def rename(self, target):
    global left
    if left == 0:
        os.kill(os.getpid(), 9)
    left -= 1
    return real(self, target)
Path.rename = rename
main()
"""


@pytest.mark.parametrize(
    ("renamed", "left"), [(0, {".01-QA.json.partial", ".01-QA.json.sig.partial"}), (1, {".01-QA.json.partial", "01-QA.json.sig"})]
)
def test_a_kill_before_and_between_the_two_files_of_a_paper(renamed: int, left: set[str], bundle: Path, made: Company) -> None:
    killed = done([str(renamed), *signing(made, bundle, "qa")], (sys.executable, "-c", KILLED))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert set(papers(bundle)) == left
    for who in ROLES:
        again = done(signing(made, bundle, who))
        assert again.returncode == 0, again.stderr
        assert ("removed what an interrupted command had left" in again.stderr) == (who == "eng")
    assert done(deciding(made, bundle)).returncode == 0
    assert verify(bundle, made.load()).state is State.VALID


def test_what_is_written_is_the_owners_alone_whatever_the_umask(bundle: Path, made: Company, tmp_path: Path) -> None:
    loose = ("sh", "-c", 'umask 0; exec "$0" -m gate "$@"', sys.executable)
    assert done(["keys", "new", str(tmp_path / "keys")], loose).returncode == 0
    assert done(signing(made, bundle, "qa"), loose).returncode == 0
    private = [tmp_path / "keys" / "gate.key.pem", *(bundle / "attestations" / "approvals").iterdir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
    assert "PRIVATE" not in (tmp_path / "keys" / "gate.pub.pem").read_text()
    checked = subprocess.run(["openssl", "pkey", "-in", private[0], "-pubout"], capture_output=True, check=True)  # noqa: S607 - Debian's
    assert checked.stdout == (tmp_path / "keys" / "gate.pub.pem").read_bytes()


@pytest.mark.parametrize("there", ["gate.key.pem", "gate.pub.pem"])
def test_keys_are_never_overwritten_nor_made_by_halves(there: str, tmp_path: Path) -> None:
    (tmp_path / there).write_text("precious")
    again = done(["keys", "new", str(tmp_path)])
    assert (again.returncode, "Traceback" in again.stderr) == (1, False)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {there: "precious"}


@pytest.mark.parametrize("name", ["--meaning", "--reason", "--role", "--as", "--person"])
@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_that_no_log_should_carry_is_refused_and_not_repeated(name: str, text: str, bundle: Path, made: Company) -> None:
    before = contents(bundle)
    exception = ("--exception", "operator", "--person", "qa@example.com", "--reason", "r") if name == "--person" else APPROVE
    refused = done([*signing(made, bundle, "qa", *exception), name, text])
    assert refused.returncode == 2, refused.stderr
    assert "internal error" not in refused.stderr
    assert not any(char in refused.stderr for char in "\x1b\x9b\u202e\u2028\r\t")
    assert contents(bundle) == before


KEYS: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "no .pub": (lambda key: Path(f"{key}.pub").unlink(), 2, "key.pub cannot be used (No such file"),
    "an empty .pub": (lambda key: Path(f"{key}.pub").write_text(""), 2, "key.pub cannot be used"),
    "a .pub that is no text": (lambda key: Path(f"{key}.pub").write_bytes(b"\xff\xfe"), 2, "key.pub cannot be used"),
    "no private half, and no agent": (lambda key: key.unlink(), 2, "does not exist"),
    "a private half that is broken": (lambda key: key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n"), 1, "ssh-keygen did not sign"),
    "somebody else's private half": (
        lambda key: shutil.copy(key.with_name("ops"), key),
        1,
        "doesn't match private",
    ),
    "somebody else's key": (
        lambda key: [shutil.copy(f"{key.with_name('ops')}{end}", f"{key}{end}") for end in ("", ".pub")],
        10,
        "is not qa@example.com's",
    ),
}


@pytest.mark.parametrize("case", KEYS)
def test_a_key_that_is_not_the_signers_signs_nothing(case: str, bundle: Path, made: Company, tmp_path: Path) -> None:
    change, status, why = KEYS[case]
    for source, name in (("qa", "key"), ("ops", "ops")):
        for end in ("", ".pub"):
            shutil.copy(f"{made.key(source)}{end}", tmp_path / f"{name}{end}")
    change(tmp_path / "key")
    before = contents(bundle)
    refused = done(signing(made, bundle, "qa", key=tmp_path / "key"))
    assert (refused.returncode, why in refused.stderr) == (status, True), refused.stderr
    assert contents(bundle) == before


def test_nobody_and_nothing(bundle: Path, made: Company) -> None:
    for option, value, why in (
        ("--as", "nobody@example.com", "nobody in the trust policy is called 'nobody@example.com'"),
        ("--as", "", "nobody in the trust policy is called ''"),
        ("--as", "QA@example.com", "nobody in the trust policy is called"),
        ("--trust", str(bundle), "is empty"),
        ("--role", "Legal", "may not sign for Legal"),
    ):
        refused = done([*signing(made, bundle, "qa"), option, value])
        assert (refused.returncode in (2, 10), why in refused.stderr) == (True, True), refused.stderr
    assert not (bundle / "attestations" / "approvals").exists()
