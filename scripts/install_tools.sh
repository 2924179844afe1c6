#!/bin/sh
# Makes sure of jq, openssl and ssh-keygen. Where one is missing and this is root on Debian or Ubuntu, it is installed first.
# templates/verify.sh needs them, and so do its tests (tests/evidence/test_verifiers_agree.py), which call this.
set -eu

missing() {
  for pair in jq:jq openssl:openssl ssh-keygen:openssh-client; do
    command -v "${pair%%:*}" >/dev/null || echo "${pair#*:}"
  done
}

packages=$(missing)
[ -n "$packages" ] || exit 0
wanted=$(echo "$packages" | tr '\n' ' ')
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "install_tools: missing: ${wanted}(names of Debian's packages); install them, then run the tests again" >&2
  exit 1
fi
# shellcheck disable=SC2086 # a word for each package
if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $wanted; } >&2; then
  echo "install_tools: apt-get could not install ${wanted}(the reason is above); install them, then run the tests again" >&2
  exit 1
fi
[ -z "$(missing)" ]
