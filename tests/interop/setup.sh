#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# setup.sh python|go FOLDER: puts a foreign client, at a pinned version, below FOLDER of the build.
#
# Ends with 77 (CTest: skipped) when the interpreter or the registry cannot be had on a user's machine; with 1 in CI,
# where a skipped client would go unnoticed.
set -u
sources=$(cd "$(dirname "$0")" && pwd)
kind=$1
folder=$2

cannot() {
  echo "SKIPPED: $1" >&2
  [ "${CI:-}" = true ] && exit 1
  exit 77
}

case $kind in
python)
  wanted="$sources/requirements.txt"
  cmp -s "$wanted" "$folder/venv/installed.txt" && exit 0
  command -v python3 >/dev/null || cannot "there is no python3; install python3 and python3-venv"
  rm -rf "$folder/venv"
  mkdir -p "$folder"
  python3 -m venv "$folder/venv" || cannot "python3 makes no virtual environment; install python3-venv"
  "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted" ||
    cannot "the Python clients cannot be installed; is there a network?"
  cp "$wanted" "$folder/venv/installed.txt"
  ;;
go)
  command -v go >/dev/null || cannot "there is no go; install golang-go"
  mkdir -p "$folder"
  cd "$sources/go" || exit 1
  go build -mod=readonly -o "$folder/go_client" . || cannot "the Go client cannot be built; is there a network?"
  ;;
*)
  echo "usage: setup.sh python|go FOLDER" >&2
  exit 2
  ;;
esac
