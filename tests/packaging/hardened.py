#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hardened.py: reads from programs whether they were built with the flags of cmake/HpfeedsHardening.cmake.

    hardened.py PROGRAM …

It looks at what the linker left (readelf), so it tells of a stripped program too. -fstack-clash-protection leaves a mark
only in functions with large frames; hardened_test.py reads that flag from the commands of a build.
Ends with 1 and a line for each thing that is missing.
"""
import pathlib
import re
import subprocess
import sys

# What begins a function that may be called through a pointer, where -fcf-protection is on. The C library's own start
# files have a handful, whatever the flags.
LANDING_PADS = {"Advanced Micro Devices X86-64": b"\xf3\x0f\x1e\xfa", "Intel 80386": b"\xf3\x0f\x1e\xfb"}
LANDING_PADS_OF_START_FILES_MAX = 6


def readelf(*arguments: str) -> str:
    return subprocess.run(["readelf", "-W", *arguments], capture_output=True, text=True, check=True,
                          env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout


def missing(program: str) -> list[str]:
    """What PROGRAM lacks, in words."""
    said = readelf("-hld", program)
    flags_of = {name: flags for name, flags in re.findall(
        r"^  (\w+) +0x\w+ 0x\w+ 0x\w+ 0x\w+ 0x\w+ ([RWE ]{3}) ", said, re.MULTILINE)}
    loaded = re.findall(r"^  LOAD .* ([RWE ]{3}) 0x\w+$", said, re.MULTILINE)
    symbols = set(re.findall(r" UND (\w+)", readelf("--dyn-syms", program)))
    machine = re.search(r"Machine: +(.+)", said)[1]

    lacks = []
    if not re.search(r"Type: +DYN", said) or "INTERP" not in flags_of or not re.search(r"FLAGS_1.*\bPIE\b", said):
        lacks.append("PIE: it is not position-independent")
    if "GNU_RELRO" not in flags_of:
        lacks.append("RELRO: what the loader has relocated stays writable")
    if not re.search(r"\(FLAGS\).*BIND_NOW|\(FLAGS_1\).*\bNOW\b|\(BIND_NOW\)", said):
        lacks.append("NOW: addresses of functions are looked up late, and stay writable")
    if "E" in flags_of.get("GNU_STACK", "E"):
        lacks.append("NX: the stack is executable")
    if not loaded or any("W" in flags and "E" in flags for flags in loaded):
        lacks.append("WX: memory is writable and executable")
    if "__stack_chk_fail" not in symbols:
        lacks.append("STACK: no function watches its return address")
    if not any(re.fullmatch(r"__\w+_chk", name) for name in symbols):
        lacks.append("FORTIFY: no copy is checked")
    pad = LANDING_PADS.get(machine)
    if pad and pathlib.Path(program).read_bytes().count(pad) <= LANDING_PADS_OF_START_FILES_MAX:
        lacks.append("CET: functions have no landing pads")
    return lacks


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    failed = False
    for program in sys.argv[1:]:
        lacks = missing(program)
        for what in lacks:
            print(f"{program}: {what}")
        if not lacks:
            print(f"{program}: hardened")
        failed |= bool(lacks)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
