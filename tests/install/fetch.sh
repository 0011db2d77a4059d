#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the client library inside another project with FetchContent: fetch.sh SOURCE
set -euo pipefail
source=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export CCACHE_BASEDIR=/ CCACHE_NOHASHDIR=1  # as in consume.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake -S "$here/fetching" -B "$work/build" -G Ninja -DHPFEEDS_SOURCE="$source" >"$work/log" || { cat "$work/log"; exit 1; }
cmake --build "$work/build" --parallel 2 >>"$work/log" || { cat "$work/log"; exit 1; }
"$work/build/consumer"
# A project that fetches us gets a library, and none of our programs.
if find "$work/build" -name 'hpfeeds-broker' | grep .; then exit 1; fi
