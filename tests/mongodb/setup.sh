#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# setup.sh FOLDER: builds FerretDB, a server of MongoDB's protocol that nobody here wrote, as FOLDER/ferretdb.
#
# Version 1 keeps its data in SQLite files, so it is the one program. Ends with 77 (CTest: skipped) when Go or its module
# proxy cannot be had on a user's machine; with 1 in CI, where a skipped server would go unnoticed.
set -u
version=v1.24.0
sum=h1:7WJmezL48Bj9bYWnhT/bEJgX5gjT5s7LFdHTqkN25rA=
toolchain=go1.22.6  # what a Go that is too old is replaced with, from the same proxy
folder=$1

cannot() {
  echo "SKIPPED: $1" >&2
  [ "${CI:-}" = true ] && exit 1
  exit 77
}

# The value of a member of `go mod download -json`.
member() {
  sed -n "s/^[[:space:]]*\"$1\": \"\(.*\)\",\{0,1\}$/\1/p"
}

[ "$(cat "$folder/ferretdb.version" 2>/dev/null)" = "$version" ] && [ -x "$folder/ferretdb" ] && exit 0
command -v go >/dev/null || cannot "there is no go; install golang-go"
rm -rf "$folder"
mkdir -p "$folder" || exit 1
cd "$folder" || exit 1
folder=$PWD

# Go 1.21 and later fetch the toolchain that a module wants by themselves.
case $(go env GOVERSION) in
go1.1[0-9]* | go1.20*)
  machine=$(go env GOOS)-$(go env GOARCH)
  root=$(go mod download -json "golang.org/toolchain@v0.0.1-$toolchain.$machine" | member Dir)
  [ -n "$root" ] || cannot "Go is too old, and $toolchain cannot be fetched; is there a network?"
  # The module cache is read-only and its files are not executable.
  cp -R "$root" toolchain && chmod -R u+w toolchain && chmod +x toolchain/bin/* toolchain/pkg/tool/*/* || exit 1
  export GOROOT="$PWD/toolchain" PATH="$PWD/toolchain/bin:$PATH"
  ;;
esac

module=$(go mod download -json "github.com/FerretDB/FerretDB@$version") ||
  cannot "FerretDB cannot be fetched; is there a network?"
[ "$(echo "$module" | member Sum)" = "$sum" ] || {
  echo "setup.sh: FerretDB $version is not the one that was tested" >&2
  exit 1
}
# Its version file is generated outside the module, and it does not start without.
cp -R "$(echo "$module" | member Dir)" source && chmod -R u+w source || exit 1
echo "$version" >source/build/version/version.txt
(cd source && GOTOOLCHAIN=auto go build -buildvcs=false -mod=readonly -tags ferretdb_no_postgresql \
  -o "$folder/ferretdb" ./cmd/ferretdb) || cannot "FerretDB cannot be built; is there a network?"
rm -rf source
[ -d toolchain ] && rm -rf toolchain
echo "$version" >ferretdb.version
