#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the client library and hpfeeds::testing from a tree that is built, and builds and runs a test of somebody
# else's with them: testing.sh SOURCE BUILD COMPILER
#
# Without the component, find_package says so.
set -euo pipefail
build=$2 compiler=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

install() { cmake --install "$build" --prefix "$prefix" --component "$1" >>"$work/log"; }
configure() {
    cmake -S "$here/testing_consumer" -B "$work/$1" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" \
        -DCMAKE_CXX_COMPILER="$compiler" >"$work/$1.log" 2>&1
}

install client
install client-dev
echo "--- without the component"
if configure without; then
    echo "hpfeeds::testing was found where it is not installed"
    exit 1
fi
grep -q 'testing' "$work/without.log"

echo "--- with it"
install testing-dev
configure with || { cat "$work/with.log"; exit 1; }
cmake --build "$work/with" >"$work/log" || { cat "$work/log"; exit 1; }
"$work/with/testing_consumer"
