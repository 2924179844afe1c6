"""The gate's own keys: ECDSA P-256, which every OpenSSL, key store and hardware token knows. People sign with SSH keys instead.

Loading this module costs what loading `cryptography` costs (30 ms); what only may sign imports it when it does.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from gate.errors import ConfigurationError
from gate.evidence.files import told, write_new

PRIVATE_NAME, PUBLIC_NAME = "{name}.key.pem", "{name}.pub.pem"
READABLE = 0o644
MAX_BYTES = 64 * 1024


@dataclass(frozen=True)
class PublicKey:
    """A key that signatures are checked with. `keyid` is the SHA-256 of its SubjectPublicKeyInfo (DER), in hexadecimal."""

    key: ec.EllipticCurvePublicKey

    @property
    def der(self) -> bytes:
        """SubjectPublicKeyInfo."""
        return self.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def pem(self) -> bytes:
        """The same as a PEM file."""
        return self.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def keyid(self) -> str:
        """What names it."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def point(self) -> bytes:
        """As SSH writes an ECDSA key."""
        return self.key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether the signature (DER, over SHA-256) is this key's over these bytes."""
        try:
            self.key.verify(signature, data, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, repr=False)
class PrivateKey:
    """A key that signs. Its repr shows nothing of it."""

    key: ec.EllipticCurvePrivateKey

    @property
    def public(self) -> PublicKey:
        """Its other half."""
        return PublicKey(self.key.public_key())

    def sign(self, data: bytes) -> bytes:
        """The signature (DER, over SHA-256)."""
        return self.key.sign(data, ec.ECDSA(SHA256()))


def new_key(folder: Path, name: str) -> tuple[Path, PublicKey]:
    """Make a pair of files in the folder, `<name>.key.pem` for the owner alone and `<name>.pub.pem`; the first one's path, and the key.

    Raises:
        EvidenceError: one of them exists already, or cannot be written. Nothing is ever overwritten.
    """
    with told("created", folder):
        folder.mkdir(parents=True, exist_ok=True)
    private = PrivateKey(ec.generate_private_key(ec.SECP256R1()))
    text = private.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / PRIVATE_NAME.format(name=name)
    write_new(path, text)
    try:
        write_new(folder / PUBLIC_NAME.format(name=name), private.public.pem, READABLE)
    except BaseException:  # such as the public half of an older key; half a pair would stand in the way for ever
        with suppress(OSError):
            path.unlink()
        raise
    return path, private.public


def load_private(path: Path) -> PrivateKey:
    """The key in a PEM file; ConfigurationError if it is none that the gate can sign with, or others may read it."""
    content = _read(path, private=True)
    try:
        key = load_pem_private_key(content, password=None)
    except TypeError:
        raise _unusable(path, "it is encrypted", "Decrypt it (openssl pkey), or mount it from a secret store") from None
    except Exception as error:  # noqa: BLE001 - the library's errors for bad PEM are many
        raise _unusable(path, f"it is no PEM key ({type(error).__name__})", "Make one with: gate keys new") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _unusable(path, "it is of another kind", "Make one with: gate keys new")
    return PrivateKey(key)


def load_public(path: Path) -> PublicKey:
    """The key in a PEM file; ConfigurationError if it is none that the gate can check with."""
    return parse_public(_read(path, private=False), path)


def parse_public(content: bytes, path: Path) -> PublicKey:
    """The key in the bytes of a PEM file; `path` is for the error."""
    try:
        key = load_pem_public_key(content)
    except Exception as error:  # noqa: BLE001 - the library's errors for bad PEM are many
        raise _unusable(path, f"it is no PEM public key ({type(error).__name__})", "Give the .pub.pem of the key") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _unusable(path, "it is of another kind", "Give the .pub.pem of the key")
    return PublicKey(key)


def _read(path: Path, *, private: bool) -> bytes:
    try:
        with path.open("rb") as handle:
            mode = os.fstat(handle.fileno()).st_mode
            if private and stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise _unusable(path, "others than its owner may read it", f"Run: chmod 600 {path}")
            return handle.read(MAX_BYTES)
    except OSError as error:
        raise _unusable(path, error.strerror or type(error).__name__, "Check the path") from None


def _unusable(path: Path, why: str, next_step: str) -> ConfigurationError:
    return ConfigurationError(f"the key {path} cannot be used ({why})", "an ECDSA P-256 key in a PEM file", next_step)
