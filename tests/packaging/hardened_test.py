#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hardened_test.py: cmake/HpfeedsHardening.cmake hardens releases and leaves other builds alone; hardened.py finds each
flag that a program lacks.

usage: hardened_test.py COMPILER
"""
import json
import pathlib
import platform
import shlex
import subprocess
import sys
import tempfile

import hardened

HERE = pathlib.Path(__file__).resolve().parent / "hardening"
# A flag that undoes one of ours, and what hardened.py must say then.
UNDONE = [
    ("-fno-pie -no-pie", "PIE"),
    ("-Wl,-z,norelro", "RELRO"),
    ("-Wl,-z,lazy", "NOW"),
    ("-Wl,-z,execstack", "NX"),
    ("-fno-stack-protector", "STACK"),
    ("-U_FORTIFY_SOURCE", "FORTIFY"),
]
FLAGS = ["-D_FORTIFY_SOURCE=", "-fstack-protector-strong", "-fstack-clash-protection", "-fPIE"]
if platform.machine() in ("x86_64", "i686"):
    UNDONE.append(("-fcf-protection=none", "CET"))
    FLAGS.append("-fcf-protection")


def configured(build: pathlib.Path, compiler: str, *arguments: str) -> list[str]:
    """The command that compiles the fixture in a build that ARGUMENTS ask for."""
    subprocess.run(["cmake", "-S", HERE, "-B", build, "-G", "Ninja", f"-DCMAKE_CXX_COMPILER={compiler}", *arguments],
                   check=True, stdout=subprocess.DEVNULL)
    commands = json.loads((build / "compile_commands.json").read_text())
    return shlex.split(commands[0]["command"])


def flags_in(command: list[str]) -> list[str]:
    return [flag for flag in FLAGS if any(word.startswith(flag) for word in command)]


def main() -> None:
    compiler = sys.argv[1]
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        release = configured(work / "release", compiler, "-DCMAKE_BUILD_TYPE=Release")
        if flags_in(release) != FLAGS:
            wrong.append(f"a release is built without some of {FLAGS}: {shlex.join(release)}")
        others = {"debug": ["-DCMAKE_BUILD_TYPE=Debug"], "relwithdebinfo": ["-DCMAKE_BUILD_TYPE=RelWithDebInfo"],
                  "sanitized": ["-DCMAKE_BUILD_TYPE=Release", "-DHPFEEDS_SANITIZE=address"],
                  "fuzz": ["-DCMAKE_BUILD_TYPE=Release", "-DHPFEEDS_FUZZ=ON"],
                  "off": ["-DCMAKE_BUILD_TYPE=Release", "-DHPFEEDS_HARDENING=OFF"]}
        for name, arguments in others.items():
            command = configured(work / name, compiler, *arguments)
            if flags_in(command):
                wrong.append(f"a build that is {name} is hardened: {shlex.join(command)}")

        subprocess.run(["cmake", "--build", work / "release"], check=True, stdout=subprocess.DEVNULL)
        if lacks := hardened.missing(str(work / "release/program")):
            wrong.append(f"the release lacks {lacks}")
        link = subprocess.run(["ninja", "-C", work / "release", "-t", "commands", "program"], check=True,
                              capture_output=True, text=True).stdout
        link_flags = [word for word in shlex.split(link.splitlines()[-1]) if word.startswith("-Wl,-z") or word == "-pie"]
        compile_flags = [word for word in release if word.startswith(("-O", "-U", "-D", "-f"))]
        for number, (undo, expected) in enumerate(UNDONE):
            program = work / f"without-{number}"
            subprocess.run([compiler, *compile_flags, *link_flags, *undo.split(), HERE / "program.cpp", "-o", program],
                           check=True, stderr=subprocess.DEVNULL)
            found = [what.split(":")[0] for what in hardened.missing(str(program))]
            if found != [expected]:
                wrong.append(f"with {undo} a program lacks {expected}, and {found} is found")
    for what in wrong:
        print(what)
    print(f"{len(UNDONE)} flags undone one by one, {len(wrong)} mistakes")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
