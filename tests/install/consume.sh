#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the client library alone and uses it from outside: consume.sh SOURCE static|shared COMPILER
#
# A C++ program by find_package, a C program by pkg-config; both run. A version that is too new must not be found.
set -euo pipefail
source=$1 kind=$2 compiler=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
# The path of a temporary folder is nothing that a compiler cache must know.
export CCACHE_BASEDIR=/ CCACHE_NOHASHDIR=1
launcher=$(command -v ccache || true)
case $compiler in g++) cc=gcc ;; clang++) cc=clang ;; *) cc=cc ;; esac

shared=OFF && [ "$kind" = static ] || shared=ON
cmake -S "$source" -B "$work/library" -G Ninja -DHPFEEDS_CLIENT_ONLY=ON -DBUILD_SHARED_LIBS=$shared \
    -DCMAKE_BUILD_TYPE=Debug -DCMAKE_UNITY_BUILD=ON -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_C_COMPILER=$cc \
    >"$work/log"
cmake --build "$work/library" --parallel 2 >>"$work/log" || { cat "$work/log"; exit 1; }
cmake --install "$work/library" --prefix "$prefix" >>"$work/log"
# The tree that was installed from must not be needed.
rm -rf "$work/library"

echo "--- a C++ program, by find_package"
cmake -S "$here/consumer" -B "$work/consumer" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher" \
    >>"$work/log" || { cat "$work/log"; exit 1; }
cmake --build "$work/consumer" --parallel 2 >>"$work/log" || { cat "$work/log"; exit 1; }
"$work/consumer/consumer"
"$work/consumer/asio_consumer"
[ ! -x "$work/consumer/stream_consumer" ] || "$work/consumer/stream_consumer"

echo "--- a version that is not there"
if cmake -S "$here/consumer" -B "$work/newer" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DHPFEEDS_WANTED=99.0 \
    >"$work/newer.log" 2>&1; then
    echo "version 99.0 was found"
    exit 1
fi
grep -q 'compatible with requested version "99.0"' "$work/newer.log"

echo "--- a C program, by pkg-config"
lib=$(dirname "$(find "$prefix" -name 'libhpfeeds_client.*' | head -1)")
export PKG_CONFIG_PATH=$lib/pkgconfig
# pkg-config gives words.
# shellcheck disable=SC2046
$cc -std=c11 -Wall -Wextra -Werror -o "$work/c_consumer" "$here/c_consumer/main.c" $(pkg-config --cflags --libs hpfeeds)
LD_LIBRARY_PATH=$lib "$work/c_consumer"

if [ "$kind" = shared ]; then
    echo "--- what the shared library shows"
    # Vague symbols of the standard library's templates may show; names of our inner rooms may not.
    if nm -DC --defined-only "$lib/libhpfeeds_client.so" | grep -E '^[0-9a-f]+ . hpfeeds::(client|wire)::'; then
        echo "the names above are not part of the interface"
        exit 1
    fi
    readelf -d "$lib/libhpfeeds_client.so" | grep -q 'SONAME.*libhpfeeds_client.so.0.1'
fi
