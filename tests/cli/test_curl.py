"""What the shown command sends is what the gate sends, byte for byte: a shell reads it, and a function named curl shows its arguments."""

import json
import os
import shutil
import subprocess

import pytest

from gate.cli.curl import curl
from gate.model import Probe

BASH = shutil.which("bash") or ""
SECRETS = {"VIEWER_TOKEN-made-up": "${VIEWER_TOKEN}", "VIEWER_TOKEN-made-u": "${VIEWER_TOKEN%?}"}
REAL = {"BASE_URL": "https://service.example", "VIEWER_TOKEN": 'a"b$c`d\\e'}


def arguments(line: str) -> list[str]:
    """The arguments that curl would get."""
    script = 'curl() { printf "%s\\0" "$@"; }\n' + line
    environment = REAL | {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    done = subprocess.run([BASH, "-euc", script], env=environment, capture_output=True, check=True)
    return [item.decode("latin-1") for item in done.stdout.split(b"\0")[:-1]]


@pytest.mark.parametrize(
    "value",
    ["plain", "it's", 'a "quote"', "$HOME and `id` and $(id)", "back\\slash", "\xe9\xff", "\x1b[31m\t", "trailing ", "!!", "%41{}[]", "*"],
)
@pytest.mark.parametrize("with_secret", [False, True])
def test_any_header_and_body_arrive_as_they_are(value, with_secret):
    shown, sent = (f"{value}VIEWER_TOKEN-made-up{value}", f"{value}{REAL['VIEWER_TOKEN']}{value}") if with_secret else (value, value)
    line = curl(Probe("POST", "/a?b=c&d", (("X-It", shown),), shown.encode("latin-1")), SECRETS)
    assert arguments(line)[-7:] == ["-X", "POST", "https://service.example/a?b=c&d", "-H", f"X-It: {sent}", "--data-binary", sent]


def test_a_token_cut_short_is_cut_short_by_the_shell():
    line = curl(Probe("GET", "/", (("Authorization", "Bearer VIEWER_TOKEN-made-u"),)), SECRETS)
    assert arguments(line)[-1] == f"Authorization: Bearer {REAL['VIEWER_TOKEN'][:-1]}"


def test_an_empty_header_is_sent_and_not_left_out():
    assert arguments(curl(Probe("GET", "/", (("X-API-Key", ""),)), {}))[-1] == "X-API-Key;"


def test_no_body_and_an_empty_one_differ():
    assert "--data-binary" not in arguments(curl(Probe("POST", "/"), {}))
    assert arguments(curl(Probe("POST", "/", body=b""), {}))[-2:] == ["--data-binary", ""]


def test_a_head_does_not_wait_for_a_body():
    assert "--head" in arguments(curl(Probe("HEAD", "/"), {}))


def test_a_long_body_is_named():
    assert arguments(curl(Probe("POST", "/", body=b"[" * 5000), {}))[-1] == "@FILE-OF-5000-BYTES"


def test_a_path_with_dots_and_escapes_stays():
    line = curl(Probe("GET", "/a/../b/%2e%2e/;c?d=%00"), {})
    assert "--path-as-is" in arguments(line)
    assert arguments(line)[-1] == "https://service.example/a/../b/%2e%2e/;c?d=%00"


def test_json_is_untouched():
    body = json.dumps({"a": "it's $x", "b": [1]}).encode()
    assert arguments(curl(Probe("POST", "/", body=body), {}))[-1].encode() == body
