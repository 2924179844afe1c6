"""The gate's keys: made once, never overwritten, never readable by others, and every other file refused in one sentence."""

import stat
import subprocess
from pathlib import Path

import pytest

from gate.errors import ConfigurationError, EvidenceError
from gate.evidence.keys import load_private, load_public, new_key


def openssl(*arguments: object) -> bytes:
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True).stdout  # noqa: S607 - Debian's, on the path


def test_a_new_key_is_its_owners_alone_and_known_to_openssl(tmp_path: Path) -> None:
    path, public = new_key(tmp_path / "keys", "gate")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    der = openssl("pkey", "-in", path, "-pubout", "-outform", "DER")
    assert der == public.der
    assert load_public(tmp_path / "keys" / "gate.pub.pem").keyid == public.keyid == load_private(path).public.keyid


def test_a_signature_is_openssls_too(tmp_path: Path) -> None:
    path, public = new_key(tmp_path, "gate")
    data, signature = tmp_path / "data", tmp_path / "signature"
    data.write_bytes(b"what is signed")
    signature.write_bytes(load_private(path).sign(b"what is signed"))
    assert b"Verified OK" in openssl("dgst", "-sha256", "-verify", tmp_path / "gate.pub.pem", "-signature", signature, data)
    assert public.verifies(signature.read_bytes(), b"what is signed")
    assert not public.verifies(signature.read_bytes(), b"what is signec")
    assert not public.verifies(b"no signature", b"what is signed")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path, public = new_key(tmp_path, "gate")
    with pytest.raises(EvidenceError, match="a name that is still free"):
        new_key(tmp_path, "gate")
    assert load_private(path).public.keyid == public.keyid


def test_a_key_shows_nothing_of_itself(tmp_path: Path) -> None:
    path, _ = new_key(tmp_path, "gate")
    assert "BEGIN" not in repr(load_private(path))


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path, _ = new_key(tmp_path, "gate")
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_private(path)


def files(folder: Path) -> dict[str, Path]:
    (folder / "empty").touch(mode=0o600)
    (folder / "text").write_text("hello")
    (folder / "folder").mkdir()
    openssl("genrsa", "-out", folder / "rsa", "2048")
    openssl("ecparam", "-genkey", "-name", "secp384r1", "-noout", "-out", folder / "p384")
    openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", folder / "plain")
    openssl("pkcs8", "-topk8", "-in", folder / "plain", "-out", folder / "encrypted", "-passout", "pass:secret-12345")
    for path in folder.iterdir():
        path.chmod(0o600)
    return {name: folder / name for name in ("empty", "text", "folder", "rsa", "p384", "encrypted", "missing")}


def test_other_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    for name, path in files(tmp_path).items():
        for load in (load_private, load_public):
            with pytest.raises(ConfigurationError, match="cannot be used") as told:
                load(path)
            assert "\n" not in told.value.sentence, name


def test_openssls_older_form_of_the_same_key_is_taken(tmp_path: Path) -> None:
    files(tmp_path)
    assert load_private(tmp_path / "plain").public.keyid
