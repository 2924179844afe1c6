"""SSH signatures (`ssh-keygen -Y`): made by people with their own keys, checked here without the program.

Checked here because `ssh-keygen` calls a hardware signature good although nobody touched the key, and because an auditor's machine may
have another version. The formats are OpenSSH's PROTOCOL.sshsig and PROTOCOL.u2f.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from gate.errors import ConfigurationError, EvidenceError
from gate.evidence.decode import Mismatch
from gate.evidence.strict import decode64

NAMESPACE = "release-signoff@v1"
MAGIC, BEGIN, END, WIDTH = b"SSHSIG", "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----", 70
ED25519, ECDSA_P256 = "ssh-ed25519", "ecdsa-sha2-nistp256"
SK_ED25519, SK_ECDSA = "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"
KINDS = (ED25519, ECDSA_P256, SK_ED25519, SK_ECDSA)
TOUCHED, PIN_GIVEN = 0x01, 0x04
SIGN_SECONDS = 120  # somebody may have to find and touch the key


@dataclass(frozen=True)
class SshKey:
    """A public key: its kind, its blob, the point or bytes that verify, and, on hardware, the application it is bound to."""

    kind: str
    blob: bytes
    material: bytes
    application: bytes

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    @property
    def text(self) -> str:
        """As it stands in a .pub file, without a comment."""
        return f"{self.kind} {base64.b64encode(self.blob).decode()}"

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether the signature is this key's over these bytes."""
        key = self.loaded()
        try:
            if isinstance(key, Ed25519PublicKey):
                key.verify(signature, data)
            else:
                key.verify(_dss(signature), data, ECDSA(SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return True

    def loaded(self) -> Ed25519PublicKey | EllipticCurvePublicKey:
        """As the library has it; ValueError if it is no point of its curve."""
        if self.kind in (ED25519, SK_ED25519):
            return Ed25519PublicKey.from_public_bytes(self.material)
        return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), self.material)


@dataclass(frozen=True)
class Signature:
    """What a `.sig` file holds. `flags` are those of a hardware key, None of any other."""

    key: SshKey
    namespace: str
    hash_name: str
    raw: bytes
    flags: int | None
    counter: int

    @property
    def second_factor(self) -> bool:
        """Whether the hardware says that it was touched and its PIN given."""
        return self.flags is not None and self.flags & TOUCHED != 0 and self.flags & PIN_GIVEN != 0

    def verifies(self, message: bytes) -> bool:
        """Whether it is a signature of its own key over the message, for this product's purpose."""
        if self.namespace != NAMESPACE or self.hash_name not in ("sha256", "sha512"):
            return False
        digest = hashlib.new(self.hash_name, message).digest()
        signed = MAGIC + _string(self.namespace.encode()) + _string(b"") + _string(self.hash_name.encode()) + _string(digest)
        if self.flags is not None:
            said = struct.pack(">BI", self.flags, self.counter)
            signed = hashlib.sha256(self.key.application).digest() + said + hashlib.sha256(signed).digest()
        return self.key.verifies(self.raw, signed)


class _Reader:
    """SSH's wire format: strings with their length before them."""

    def __init__(self, data: bytes) -> None:
        self._rest = data

    def take(self, count: int) -> bytes:
        if count > len(self._rest):
            raise Mismatch("an SSH structure ends too early")
        found, self._rest = self._rest[:count], self._rest[count:]
        return found

    def string(self) -> bytes:
        return self.take(struct.unpack(">I", self.take(4))[0])

    def end(self) -> None:
        if self._rest:
            raise Mismatch("an SSH structure is followed by something else")


def parse_public(text: str) -> SshKey:
    """The key of a line `type base64`; Mismatch for other kinds than ed25519 and ECDSA P-256 (also on hardware)."""
    parts = text.split(" ")
    if len(parts) != 2 or parts[0] not in KINDS:
        raise Mismatch("no SSH key of a kind that is taken")
    key = _key(decode64(parts[1]))
    if key.kind != parts[0]:
        raise Mismatch("the SSH key is of another kind than it says")
    return key


def fingerprint(text: str) -> str:
    """Of a line `type base64`."""
    return parse_public(text).fingerprint


def parse_signature(content: bytes) -> Signature:
    """The signature of a `.sig` file; Mismatch unless it is exactly as `ssh-keygen` writes it."""
    blob = _unarmoured(content)
    reader = _Reader(blob)
    if reader.take(len(MAGIC)) != MAGIC or reader.take(4) != b"\0\0\0\1":
        raise Mismatch("no SSH signature of version 1")
    key = _key(reader.string())
    namespace, reserved, hash_name = reader.string(), reader.string(), reader.string()
    inner = _Reader(reader.string())
    reader.end()
    kind, raw = inner.string(), inner.string()
    flags, counter = (inner.take(1)[0], struct.unpack(">I", inner.take(4))[0]) if key.kind.startswith("sk-") else (None, 0)
    inner.end()
    if reserved or kind != key.kind.encode():
        raise Mismatch("the SSH signature is of another kind than its key")
    return Signature(key, namespace.decode("utf-8", "replace"), hash_name.decode("ascii", "replace"), raw, flags, counter)


def sign(key_file: Path, message: bytes) -> bytes:
    """The signature that `ssh-keygen -Y sign` makes with that key; the terminal is its own, for a passphrase, a PIN or a touch.

    Raises:
        ConfigurationError: there is no `ssh-keygen`, or no such key.
        EvidenceError: it did not sign.
    """
    program = shutil.which("ssh-keygen")
    if program is None:
        raise ConfigurationError("ssh-keygen is not installed", "OpenSSH's client tools", "Install openssh-client")
    if not key_file.is_file():
        raise ConfigurationError(f"the SSH key {key_file} does not exist", "a private key, or its .pub with an agent", "Check --ssh-key")
    with tempfile.TemporaryDirectory(prefix="gate-sign-") as name:
        paper = Path(name) / "paper"
        paper.write_bytes(message)
        command = [program, "-Y", "sign", "-f", str(key_file.resolve()), "-n", NAMESPACE, str(paper)]
        try:
            done = subprocess.run(command, timeout=SIGN_SECONDS, check=False, stdout=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            raise EvidenceError(f"ssh-keygen did not sign within {SIGN_SECONDS} s", "a touch or a passphrase", "Sign again") from None
        made = paper.with_name("paper.sig")
        if done.returncode or not made.is_file():
            raise EvidenceError(f"ssh-keygen did not sign (status {done.returncode})", "a key that can", "See above, and sign again")
        return made.read_bytes()


def _unarmoured(content: bytes) -> bytes:
    try:
        lines = content.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Mismatch("an SSH signature is ASCII") from None
    if len(lines) < 4 or lines[0] != BEGIN or lines[-2:] != [END, ""]:
        raise Mismatch("no SSH signature")
    if any(len(line) != WIDTH for line in lines[1:-3]) or not 0 < len(lines[-3]) <= WIDTH:
        raise Mismatch("an SSH signature that is broken into other lines")
    return decode64("".join(lines[1:-2]))


def _key(blob: bytes) -> SshKey:
    reader = _Reader(blob)
    kind = reader.string().decode("ascii", "replace")
    if kind not in KINDS:
        raise Mismatch(f"an SSH key of kind {kind:.40} is not taken")
    if "ecdsa" in kind and reader.string() != b"nistp256":
        raise Mismatch("an ECDSA key on another curve is not taken")
    material = reader.string()
    application = reader.string() if kind.startswith("sk-") else b""
    reader.end()
    if "ecdsa" in kind and material[:1] != b"\x04":
        raise Mismatch("an SSH key whose point is compressed is not taken: one key would have two fingerprints")
    key = SshKey(kind, blob, material, application)
    try:
        key.loaded()
    except ValueError:
        raise Mismatch("the SSH key is no point of its curve") from None
    return key


def _dss(raw: bytes) -> bytes:
    """An SSH ECDSA signature as DER; ValueError unless its numbers are written in the one way that SSH has."""
    reader = _Reader(raw)
    first, second = (_number(reader.string()) for _ in range(2))
    reader.end()
    return encode_dss_signature(first, second)


def _number(data: bytes) -> int:
    """A positive `mpint`: no byte more than it takes, and a zero before what would else be negative."""
    found = int.from_bytes(data, "big")
    if found <= 0 or data != found.to_bytes(found.bit_length() // 8 + 1, "big"):
        raise Mismatch("a number of the SSH signature could be written in another way")
    return found


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data
