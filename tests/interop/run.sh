#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh FOLDER NEEDS SCRIPT [ARGUMENT…]: runs a script with the virtual environment below FOLDER; 77 (skipped) when the
# file NEEDS is not there because setup.sh was skipped.
set -u
folder=$1
needs=$2
shift 2
for file in "$folder/venv/bin/python" "$needs"; do
  if [ ! -e "$file" ]; then
    echo "SKIPPED: $file is not there; interop.setup says why" >&2
    [ "${CI:-}" = true ] && exit 1
    exit 77
  fi
done
exec "$folder/venv/bin/python" -B "$@"
