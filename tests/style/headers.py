#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""headers.py: every header compiles alone, so that the order of includes never matters.

    headers.py COMPILER ROOT [--built BUILD] [HEADER …]    exit status 1 if one does not; what the compiler says is printed

Without HEADERs, all of include/, src/, apps/ and tests/. HPFEEDS_WITHOUT in the environment names beginnings of header
names, with blanks between, whose drivers this build does without.

BUILD is the folder of a build that is finished: what its compiler has seen before anything else, because a source includes
it first, has compiled alone, and is not compiled again. That is three headers of four. A source of a unity build, or behind
a precompiled header, proves nothing.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

FOLDERS = ("include", "src", "apps", "tests")
SEARCHED = ("src", "include", "tests", "tests/mongodb", "apps/hpfeeds")
DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(?!pragma[ \t]+once)(\w+)[ \t]*(.*)$", re.MULTILINE)


def headers_of(root: pathlib.Path) -> list[pathlib.Path]:
    without = tuple(os.environ.get("HPFEEDS_WITHOUT", "").split())
    return sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.hpp")
                  if path.parent.name != "fixture" and not path.name.startswith(without))


def first_of(root: pathlib.Path, file: pathlib.Path) -> pathlib.Path | None:
    """The header of ours that `file` includes before it says anything else to the preprocessor."""
    directive = DIRECTIVE.search(file.read_text())
    named = directive and directive[1] == "include" and re.match(r'["<]([^">]+)[">]', directive[2])
    if not named:
        return None
    places = (folder / named[1] for folder in (file.parent, *(root / name for name in SEARCHED)))
    return next((place.resolve() for place in places if place.is_file()), None)


def proven_by(root: pathlib.Path, build: pathlib.Path) -> set[pathlib.Path]:
    """The headers that a source of the build includes first, and those that these include first."""
    proven: set[pathlib.Path] = set()
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = pathlib.Path(entry["file"])
        if not file.is_relative_to(root) or file.is_relative_to(build) or " -include " in entry["command"]:
            continue
        header = first_of(root, file)
        while header and header not in proven:
            proven.add(header)
            header = first_of(root, header)
    return proven


def complaint_about(compiler: str, root: pathlib.Path, header: pathlib.Path) -> str:
    # Included by a file of its own: compiling the header itself would warn of its #pragma once.
    command = [compiler, "-std=c++20", "-fsyntax-only", "-x", "c++",
               *(f"-I{root / folder}" for folder in SEARCHED), "-"]
    source = f'#include "{header}"\n#include "{header}"\n'
    result = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    return result.stderr if result.returncode else ""


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("compiler")
    arguments.add_argument("root", type=lambda name: pathlib.Path(name).resolve())
    arguments.add_argument("--built", type=lambda name: pathlib.Path(name).resolve(), metavar="BUILD")
    arguments.add_argument("headers", nargs="*", type=lambda name: pathlib.Path(name).resolve())
    given = arguments.parse_args()
    headers = given.headers or headers_of(given.root)
    if not headers:
        print(f"no headers under {given.root}", file=sys.stderr)
        return 2
    proven = proven_by(given.root, given.built) if given.built else set()
    # Included twice by one source: the second time there is nothing left to say.
    complaints = {header: "it does not begin with #pragma once" for header in headers
                  if header in proven and "\n#pragma once\n" not in header.read_text()}
    left = [header for header in headers if header not in proven]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints |= zip(left, pool.map(lambda header: complaint_about(given.compiler, given.root, header), left))
    wrong = {header: complaint for header, complaint in complaints.items() if complaint}
    for header, complaint in wrong.items():
        print(f"{header} does not compile alone:\n{complaint}")
    print(f"{len(headers)} headers, {len(wrong)} that do not compile alone; "
          f"{len(headers) - len(left)} were compiled alone by the build")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
