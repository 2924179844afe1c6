#!/bin/sh
# Section 4 of the cutover checklist: BASE_URL, the four tokens and BATCH_CODE come from the environment, further options of
# `gate run` as arguments. The exit status is the gate's: 0 GO, 10 NO-GO, 11 INCONCLUSIVE, 1 and 2 no verdict.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."
export OUT_DIR="${OUT_DIR:-storage/reports/staging}"

if [ -x .venv/bin/gate ]; then
  gate=.venv/bin/gate
elif command -v gate >/dev/null; then
  gate=gate
else
  ./run setup
  gate=.venv/bin/gate
fi
exec "$gate" run "$@"
