#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/THREATS.md names the tests that prove what it says: each must exist.

usage: threats.py SOURCE_DIR [PAGE]
"""
import pathlib
import re
import sys

NAME = re.compile(r"`([A-Z][A-Za-z0-9]*\.[A-Z][A-Za-z0-9]*)`")
TEST = re.compile(r"\bTEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)")


def main():
    source = pathlib.Path(sys.argv[1])
    page = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else source / "docs/THREATS.md"
    there = set()
    for file in (source / "tests").rglob("*_test.cpp"):
        there.update(".".join(found) for found in TEST.findall(file.read_text()))
    named = set(NAME.findall(page.read_text()))
    missing = sorted(named - there)
    for name in missing:
        print(f"{page.name} names {name}, and there is no such test")
    print(f"{len(named)} tests are named, {len(missing)} are missing")
    sys.exit(1 if missing or len(named) < 2 else 0)


if __name__ == "__main__":
    main()
