"""What an auditor finds in every bundle to check it without this product: a shell script, and what it checks."""

from __future__ import annotations

from functools import cache

from gate.paths import data_root

BESIDE = 'lib=$(<"${BASH_SOURCE[0]%/*}/verify.jq") || exit 1\n'


@cache
def script() -> str:
    """`verify.sh` as one file: the rules that it reads from `verify.jq` beside it stand in it instead."""
    folder = data_root() / "templates"
    before, rest = (folder / "verify.sh").read_text("utf-8").split(BESIDE)
    rules = (folder / "verify.jq").read_text("utf-8")
    return f"{before}read -r -d '' lib <<'JQ'\n{rules}JQ\n{rest}"


@cache
def guide() -> str:
    """`VERIFY.md`."""
    return (data_root() / "templates" / "VERIFY.md").read_text("utf-8")
