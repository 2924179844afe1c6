"""DSSE v1.0.2 envelopes with one signature each: the bytes that are signed say what kind of bytes they are.

An envelope is one line of canonical JSON. `keyid` decides nothing, but it must be the SHA-256 of the key that verifies it, so that the same
key under two names does not count twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gate.evidence.decode import Mismatch
from gate.evidence.strict import canonical, decode64, encode64, fields, parse, parse_line, text

if TYPE_CHECKING:
    from gate.evidence.keys import PrivateKey, PublicKey

IN_TOTO = "application/vnd.in-toto+json"


@dataclass(frozen=True)
class Envelope:
    """What an envelope holds, before anybody has verified it."""

    payload: bytes
    keyid: str
    signature: bytes

    def verified_by(self, key: PublicKey) -> bool:
        """Whether that key signed the payload, and the envelope names it."""
        return self.keyid == key.keyid and key.verifies(self.signature, pae(self.payload))

    @property
    def statement(self) -> Any:
        """The payload's JSON; Mismatch if it is not canonical."""
        return parse(self.payload)


def pae(payload: bytes, kind: str = IN_TOTO) -> bytes:
    """DSSE's pre-authentication encoding: what is signed."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def sign(statement: object, key: PrivateKey) -> bytes:
    """The statement in an envelope, as the bytes of a file."""
    payload = canonical(statement)
    signature = {"keyid": key.public.keyid, "sig": encode64(key.sign(pae(payload)))}
    return canonical({"payload": encode64(payload), "payloadType": IN_TOTO, "signatures": [signature]}) + b"\n"


def open_envelope(content: bytes) -> Envelope:
    """The envelope in a file; Mismatch unless it is exactly what `sign` writes."""
    outer = fields(parse_line(content), "payload", "payloadType", "signatures", what="the envelope")
    if outer["payloadType"] != IN_TOTO:
        raise Mismatch(f"the payload's type is not {IN_TOTO}")
    signatures = outer["signatures"]
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise Mismatch("an envelope has exactly one signature")
    one = fields(signatures[0], "keyid", "sig", what="the signature")
    return Envelope(decode64(outer["payload"]), text(one["keyid"], "keyid"), decode64(one["sig"]))
