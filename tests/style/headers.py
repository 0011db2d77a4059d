#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""headers.py: every header compiles alone, so that the order of includes never matters.

    headers.py COMPILER ROOT [HEADER …]    exit status 1 if one does not; what the compiler says is printed

Without HEADERs, all of include/, src/, apps/ and tests/. HPFEEDS_WITHOUT in the environment names beginnings of header
names, with blanks between, whose drivers this build does without.
"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys

FOLDERS = ("include", "src", "apps", "tests")


def headers_of(root: pathlib.Path) -> list[pathlib.Path]:
    without = tuple(os.environ.get("HPFEEDS_WITHOUT", "").split())
    return sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.hpp")
                  if path.parent.name != "fixture" and not path.name.startswith(without))


def complaint_about(compiler: str, root: pathlib.Path, header: pathlib.Path) -> str:
    # Included by a file of its own: compiling the header itself would warn of its #pragma once.
    command = [compiler, "-std=c++20", "-fsyntax-only", "-x", "c++",
               *(f"-I{root / folder}" for folder in ("src", "include", "tests", "tests/mongodb", "apps/hpfeeds")), "-"]
    source = f'#include "{header}"\n#include "{header}"\n'
    result = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    return result.stderr if result.returncode else ""


def main() -> int:
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    compiler, root = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    headers = [pathlib.Path(name).resolve() for name in sys.argv[3:]] or headers_of(root)
    if not headers:
        print(f"no headers under {root}", file=sys.stderr)
        return 2
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = list(pool.map(lambda header: complaint_about(compiler, root, header), headers))
    for header, complaint in zip(headers, complaints):
        if complaint:
            print(f"{header} does not compile alone:\n{complaint}")
    print(f"{len(headers)} headers, {sum(map(bool, complaints))} that do not compile alone")
    return 1 if any(complaints) else 0


if __name__ == "__main__":
    sys.exit(main())
