#!/bin/sh
# Prints where wrk is. Where it is missing and this is root on Debian or Ubuntu, it is installed first.
# ./run bench load compares with it and calls this; without wrk it goes on.
set -eu

command -v wrk && exit
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "install_wrk: wrk was not found; install it (on Debian: apt-get install wrk), then run the bench again" >&2
  exit 1
fi
if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends wrk; } >&2; then
  echo "install_wrk: apt-get could not install wrk (the reason is above); install it, then run the bench again" >&2
  exit 1
fi
command -v wrk
