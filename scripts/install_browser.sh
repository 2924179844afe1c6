#!/bin/sh
# Prints where Chromium is. Where it is missing and this is root on Debian or Ubuntu, it is installed first.
# The tests of the HTML reports (tests/report/test_html_browser.py) need a real browser and call this.
set -eu

find_browser() {
  for name in chromium chromium-browser google-chrome; do
    command -v "$name" && return
  done
  return 1
}

find_browser && exit
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "install_browser: no Chromium was found; install it (on Debian: apt-get install chromium), then run the tests again" >&2
  exit 1
fi
if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium; } >&2; then
  echo "install_browser: apt-get could not install chromium (the reason is above); install it, then run the tests again" >&2
  exit 1
fi
find_browser
