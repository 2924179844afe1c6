"""SSH signatures: what the real ssh-keygen makes and takes, and what it takes although it should not."""

from __future__ import annotations

import base64
import hashlib
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gate.errors import ConfigurationError, EvidenceError
from gate.evidence import approval, rules
from gate.evidence.decode import Mismatch
from gate.evidence.sshsig import BEGIN, END, NAMESPACE, parse_public, parse_signature, sign
from gate.evidence.strict import encode64
from gate.model.trust import Approvers, Person, PersonKey
from tests.evidence import bundles

MESSAGE = b"what is signed\n"


def keygen(*arguments: str, message: bytes = MESSAGE) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["ssh-keygen", *arguments], input=message, capture_output=True, check=False)  # noqa: S607 - Debian's, on the path


def takes(folder: Path, public: str, signature: bytes, namespace: str = NAMESPACE, message: bytes = MESSAGE) -> bool:
    """Whether ssh-keygen calls the signature good."""
    (folder / "allowed").write_text(f'ada@example.com namespaces="{namespace}" {public}\n')
    (folder / "sig").write_bytes(signature)
    arguments = ["-Y", "verify", "-f", str(folder / "allowed"), "-I", "ada@example.com", "-n", namespace, "-s", str(folder / "sig")]
    return keygen(*arguments, message=message).returncode == 0


def string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def armour(blob: bytes) -> bytes:
    text = encode64(blob)
    return "\n".join([BEGIN, *(text[at : at + 70] for at in range(0, len(text), 70)), END, ""]).encode()


class Token:
    """A hardware key (sk-ssh-ed25519) made of software: it says of touch and PIN what it is told to."""

    KIND = b"sk-ssh-ed25519@openssh.com"

    def __init__(self) -> None:
        self.private = Ed25519PrivateKey.generate()
        self.blob = string(self.KIND) + string(self.private.public_key().public_bytes_raw()) + string(b"ssh:")
        self.public = f"{self.KIND.decode()} {encode64(self.blob)}"

    def raw(self, message: bytes) -> bytes:
        return self.private.sign(message)

    def sign(self, message: bytes, flags: int, namespace: str = NAMESPACE) -> bytes:
        space = string(namespace.encode()) + string(b"") + string(b"sha512")
        inner = b"SSHSIG" + space + string(hashlib.sha512(message).digest())
        said = struct.pack(">BI", flags, 7)
        raw = self.raw(hashlib.sha256(b"ssh:").digest() + said + hashlib.sha256(inner).digest())
        made = string(self.KIND) + string(raw) + said
        return armour(b"SSHSIG" + struct.pack(">I", 1) + string(self.blob) + space + string(made))


class EcdsaToken(Token):
    """The same of the other kind (sk-ecdsa): the older tokens, which know no ed25519."""

    KIND = b"sk-ecdsa-sha2-nistp256@openssh.com"

    def __init__(self) -> None:
        self.key = generate_private_key(SECP256R1())
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.blob = string(self.KIND) + string(b"nistp256") + string(point) + string(b"ssh:")
        self.public = f"{self.KIND.decode()} {encode64(self.blob)}"

    def raw(self, message: bytes) -> bytes:
        numbers = decode_dss_signature(self.key.sign(message, ECDSA(SHA256())))
        return b"".join(string(number.to_bytes(number.bit_length() // 8 + 1, "big")) for number in numbers)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_a_signature_is_ssh_keygens_and_ours(kind: str, tmp_path: Path) -> None:
    public = bundles.ssh_key(tmp_path / "ssh" / "key", kind)
    signature = sign(tmp_path / "ssh" / "key", MESSAGE)
    found = parse_signature(signature)
    assert found.verifies(MESSAGE)
    assert takes(tmp_path, public, signature)
    assert found.key == parse_public(public)
    listed = keygen("-l", "-f", str(tmp_path / "ssh" / "key.pub")).stdout.decode()
    assert found.key.fingerprint == listed.split()[1]
    assert not found.verifies(MESSAGE + b"x")
    assert not takes(tmp_path, public, signature, message=MESSAGE + b"x")
    assert not found.second_factor


def test_a_key_with_spaces_and_a_dash_in_its_name_is_no_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundles.ssh_key(tmp_path / "-n a key")
    monkeypatch.chdir(tmp_path)
    assert parse_signature(sign(Path("-n a key"), MESSAGE)).verifies(MESSAGE)


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    bundles.ssh_key(tmp_path / "key")
    sign(tmp_path / "key", MESSAGE)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_what_cannot_sign_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        sign(tmp_path / "none", MESSAGE)
    with pytest.raises(ConfigurationError, match="does not exist"):
        sign(tmp_path, MESSAGE)
    (tmp_path / "text").write_text("no key")
    (tmp_path / "text").chmod(0o600)
    with pytest.raises(EvidenceError, match="did not sign"):
        sign(tmp_path / "text", MESSAGE)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="not installed"):
        sign(tmp_path / "text", MESSAGE)


def test_one_that_never_comes_back_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ssh-keygen").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "ssh-keygen").chmod(0o755)
    (tmp_path / "key").touch()
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("gate.evidence.sshsig.SIGN_SECONDS", 0.3)
    with pytest.raises(EvidenceError, match="did not sign within"):
        sign(tmp_path / "key", MESSAGE)


OURS = "import sys; from pathlib import Path; from gate.evidence.sshsig import sign; sys.stdout.buffer.write(sign(Path(sys.argv[1]), b'm'))"
ON_A_TERMINAL = """
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.executable, [sys.executable, "-c", sys.argv[1], sys.argv[2]])
seen = b""
while True:
    try:
        more = os.read(terminal, 4096)
    except OSError:
        break
    if not more:
        break
    if b"passphrase" in more:
        os.write(terminal, b"open sesame\\n")
    seen += more
os.waitpid(pid, 0)
print(seen.decode())
"""


def test_a_passphrase_is_asked_for_on_the_terminal(tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "open sesame", "-f", str(tmp_path / "key")], check=True)  # noqa: S607 - as above
    command = [sys.executable, "-c", ON_A_TERMINAL, OURS, str(tmp_path / "key")]
    shown = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60).stdout.replace("\r", "")
    assert "open sesame" not in shown
    assert parse_signature(f"{BEGIN}{shown.partition(BEGIN)[2].partition(END)[0]}{END}\n".encode()).verifies(b"m")


def test_an_agent_signs_by_the_public_half_alone(tmp_path: Path) -> None:
    bundles.ssh_key(tmp_path / "key")
    script = 'ssh-add -q "$2" && rm "$2" && exec "$0" -c "$1" "$2.pub"'
    command = ["ssh-agent", "sh", "-c", script, sys.executable, OURS, str(tmp_path / "key")]
    assert parse_signature(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout).verifies(b"m")


def test_another_namespace_is_another_purpose(tmp_path: Path) -> None:
    public = bundles.ssh_key(tmp_path / "key")
    signature = bundles.ssh_sign(tmp_path / "key", MESSAGE, "file")
    assert takes(tmp_path, public, signature, "file")
    assert not parse_signature(signature).verifies(MESSAGE)


@pytest.mark.parametrize(("name", "taken"), [("sha256", True), ("sha512", True), ("sha1", False), ("md5", False)])
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_only_the_two_hashes_of_the_format_are_taken(kind: str, name: str, taken: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a table's column
    public = bundles.ssh_key(tmp_path / "key", kind)
    signature = bundles.ssh_sign(tmp_path / "key", MESSAGE, hash_name=name if taken else "sha512")
    if not taken:
        signature = armour(base64.b64decode(b"".join(signature.split(b"\n")[1:-2])).replace(string(b"sha512"), string(name.encode())))
    found = parse_signature(signature)
    assert (found.hash_name, found.verifies(MESSAGE)) == (name, taken)
    assert takes(tmp_path, public, signature) == taken


@pytest.mark.parametrize("at", ["the end", "the signature", "the key"])
def test_bytes_that_trail_inside_the_armour_are_refused(at: str, tmp_path: Path) -> None:
    public = bundles.ssh_key(tmp_path / "key")
    signature = bundles.ssh_sign(tmp_path / "key", MESSAGE)
    blob = base64.b64decode(b"".join(signature.split(b"\n")[1:-2]))
    key, inner = parse_public(public).blob, blob[-83:]
    changed = {
        "the end": blob + b"\0",
        "the signature": blob[:-87] + string(inner + b"\0"),
        "the key": blob.replace(string(key), string(key + b"\0"), 1),
    }[at]
    assert blob.endswith(string(inner))
    assert armour(blob) == signature
    with pytest.raises(Mismatch, match="followed by something else"):
        parse_signature(armour(changed))
    assert not takes(tmp_path, public, armour(changed))


@pytest.mark.parametrize(("flags", "both"), [(0x00, False), (0x01, False), (0x04, False), (0x05, True), (0x45, True)])
@pytest.mark.parametrize("kind", [Token, EcdsaToken])
def test_touch_and_pin_are_read_from_the_signature(kind: type[Token], flags: int, both: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a table's column
    token = kind()
    signature = token.sign(MESSAGE, flags)
    found = parse_signature(signature)
    assert found.verifies(MESSAGE)
    assert found.second_factor == both
    assert takes(tmp_path, token.public, signature)  # ssh-keygen does not ask


@pytest.mark.parametrize(("flags", "counts"), [(0x00, False), (0x01, False), (0x04, False), (0x05, True)])
@pytest.mark.parametrize("demanded", [True, False])
def test_a_second_factor_that_is_demanded_must_show(flags: int, counts: bool, demanded: bool) -> None:  # noqa: FBT001 - as above
    token = Token()
    key = PersonKey(token.public, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", demanded)
    people = Approvers(1, ("QA",), 72, (Person("ada@example.com", "Ada", ("QA",), (), (), (key,)),))
    paper = approval.Paper(
        "01-QA.json",
        "QA",
        "approve",
        "m",
        "",
        "",
        "",
        "2026-03-01T00:00:00Z",
        "ada@example.com",
        "Ada",
        parse_signature(token.sign(b"", flags)),
    )
    found = rules.check([paper], people, rules.About("2026-03-01T00:00:00.000Z", "ci", "", "GO"))
    assert (found == rules.Findings()) == (counts or not demanded)
    assert counts or not demanded or "touched and its PIN given" in found.untrusted[0]


@pytest.mark.parametrize("kind", [Token, EcdsaToken])
def test_flags_cannot_be_set_afterwards(kind: type[Token]) -> None:
    found = parse_signature(kind().sign(MESSAGE, 0x00))
    assert found.verifies(MESSAGE)
    assert not replace(found, flags=0x05).verifies(MESSAGE)
    assert not replace(found, counter=8).verifies(MESSAGE)


def test_every_bit_of_a_signature_counts(tmp_path: Path) -> None:
    for kind in ("ed25519", "ecdsa"):
        bundles.ssh_key(tmp_path / kind, kind)
        content = sign(tmp_path / kind, MESSAGE)
        own = parse_signature(content).key
        for bit in range(len(content) * 8):
            changed = bytearray(content)
            changed[bit // 8] ^= 1 << bit % 8
            try:
                found = parse_signature(bytes(changed))
            except Mismatch:
                continue
            assert found.key != own or not found.verifies(MESSAGE), (kind, bit)


def test_an_ecdsa_signature_is_written_in_one_way_only(tmp_path: Path) -> None:
    bundles.ssh_key(tmp_path / "key", "ecdsa")
    found = parse_signature(sign(tmp_path / "key", MESSAGE))
    size = struct.unpack(">I", found.raw[:4])[0]
    first, second = found.raw[4 : 4 + size], found.raw[8 + size :]
    assert found.verifies(MESSAGE)
    for raw in (
        string(b"\0" + first) + string(second),
        string(first) + string(b"\0" + second),
        found.raw + b"\0",
        string(b"") + string(second),
    ):
        assert not replace(found, raw=raw).verifies(MESSAGE)


def broken(good: bytes) -> dict[str, bytes]:
    text = good.decode()
    lines = text.split("\n")
    blob = Token().blob
    return {
        "nothing": b"",
        "text": b"hello",
        "no last newline": good[:-1],
        "more after it": good + b"\n",
        "carriage returns": text.replace("\n", "\r\n").encode(),
        "other lines": "\n".join([lines[0], lines[1][:50], lines[1][50:], *lines[2:]]).encode(),
        "another armour": text.replace("SSH SIGNATURE", "PGP SIGNATURE").encode(),
        "no base64": text.replace(lines[1], "!" * 70).encode(),
        "not ASCII": text.replace(lines[1], "ü" * 70).encode(),
        "an empty blob": armour(b"SSHSIG"),
        "another magic": armour(b"SSHSIC" + struct.pack(">I", 1) + string(blob)),
        "another version": armour(b"SSHSIG" + struct.pack(">I", 2) + string(blob)),
        "a length that lies": armour(b"SSHSIG" + struct.pack(">I", 1) + struct.pack(">I", 2**32 - 1) + blob),
        "a key of an unknown kind": armour(b"SSHSIG" + struct.pack(">I", 1) + string(string(b"ssh-dss") + string(b"x"))),
        "a key too short": armour(b"SSHSIG" + struct.pack(">I", 1) + string(string(b"ssh-ed25519") + string(b"x"))),
    }


@pytest.mark.parametrize("case", broken(b"-\nx\n-\n"))
def test_what_is_no_signature_is_refused(case: str) -> None:
    with pytest.raises(Mismatch):
        parse_signature(broken(Token().sign(MESSAGE, 5))[case])


def test_a_point_off_the_curve_is_no_key() -> None:
    blob = string(b"ecdsa-sha2-nistp256") + string(b"nistp256") + string(b"\x04" + b"\x01" * 64)
    with pytest.raises(Mismatch, match="no point"):
        parse_public(f"ecdsa-sha2-nistp256 {encode64(blob)}")


def test_one_ecdsa_key_has_one_fingerprint(tmp_path: Path) -> None:
    """A point can be written in two ways; taken in both, one key would pass for two people's."""
    point = generate_private_key(SECP256R1()).public_key()
    for form, taken in ((PublicFormat.UncompressedPoint, True), (PublicFormat.CompressedPoint, False)):
        blob = string(b"ecdsa-sha2-nistp256") + string(b"nistp256") + string(point.public_bytes(Encoding.X962, form))
        text = f"ecdsa-sha2-nistp256 {encode64(blob)}"
        (tmp_path / "key.pub").write_text(text + "\n")
        assert (keygen("-l", "-f", str(tmp_path / "key.pub")).returncode == 0) == taken
        if taken:
            assert parse_public(text).blob == blob
        else:
            with pytest.raises(Mismatch, match="compressed"):
                parse_public(text)
