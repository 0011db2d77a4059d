#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check.py: counts the instructions that a message costs in the broker's own code and in the client libraries', and holds
them to what the tree says.

    check.py PROGRAM COMPILER [--update]
    check.py PROGRAM --limits    what all limits together add, at most three in a hundred

PROGRAM is hpfeeds_guard, built with the flags of a release; COMPILER names what built it, as "GNU 12". valgrind counts,
so the figures repeat on any machine; they are kept in instructions.json, for each compiler. More than a tenth above is a
failure: mend the code, or change the file on purpose, with --update and a reason in the commit. A figure that fell as
far is told, so that the file follows.

Ends with 77 (CTest: skipped) where there is no valgrind, or no figure for the compiler; with 1 in CI.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

KEPT = pathlib.Path(__file__).with_name("instructions.json")
RISE_MAX = 1.10
LIMITS_RISE_MAX = 1.03
# Turns of the shorter run; the longer one has twice as many, and the difference is free of the start's cost.
BROKER_TURNS = {"fan_out": 200, "alternating": 10, "many_small": 30}
TURNS = BROKER_TURNS | {"client_publish": 20, "client_read": 20, "client_view": 20}
# The calls of an engine; what the workload does around them is not the broker's. Of a client, its whole way.
COUNTED = [f"--toggle-collect=hpfeeds::{call}*" for call in (
    "core::Shard::read_room", "core::Shard::received", "core::Shard::sent", "bytes::SendQueue::gather",
    "bench::ClientLoad::publish", "bench::ClientLoad::hand_over", "bench::ClientLoad::read()",
    "bench::ClientLoad::view")]


def cannot(why: str) -> int:
    print(f"SKIPPED: {why}", file=sys.stderr)
    return 1 if os.environ.get("CI") == "true" else 77


def instructions(program: str, workload: str, turns: int, *extra: str) -> tuple[int, int]:
    """What a run executes, and the messages of one turn."""
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *COUNTED, program, workload,
                           str(turns), *extra], capture_output=True, text=True, check=False)
    counted = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not counted:
        raise SystemExit(f"check.py: {workload} does not run under valgrind: {done.stderr[-400:]}")
    return int(counted[1]), int(done.stdout)


def per_message(program: str, workload: str, *extra: str) -> float:
    turns = TURNS[workload]
    short, messages = instructions(program, workload, turns, *extra)
    long, _ = instructions(program, workload, 2 * turns, *extra)
    return (long - short) / (turns * messages)


def check_limits(program: str) -> int:
    """Holds what limits cost to LIMITS_RISE_MAX."""
    failed = False
    for workload in BROKER_TURNS:
        off, on = per_message(program, workload), per_message(program, workload, "limits")
        print(f"{workload:14} {off:8.1f} instructions per message without limits, {on:8.1f} with all, ratio {on / off:.3f}")
        failed |= on / off > LIMITS_RISE_MAX
    return 1 if failed else 0


def main() -> int:
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    if sys.argv[2] == "--limits":
        return check_limits(sys.argv[1]) if shutil.which("valgrind") else cannot("there is no valgrind")
    program, compiler, update = sys.argv[1], sys.argv[2], "--update" in sys.argv[3:]
    if not shutil.which("valgrind"):
        return cannot("there is no valgrind; scripts/deps installs it")
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    if compiler not in kept and not update:
        return cannot(f"no figures are kept for {compiler}; bench/guard/check.py --update keeps them")
    failed = False
    counted = {}
    for workload in TURNS:
        counted[workload] = round(per_message(program, workload), 1)
        before = kept.get(compiler, {}).get(workload)
        ratio = counted[workload] / before if before else 1.0
        print(f"{workload:14} {counted[workload]:8.1f} instructions per message, kept {before}, ratio {ratio:.3f}")
        if ratio > RISE_MAX and not update:
            print(f"{workload}: more than a tenth above what is kept in {KEPT.name}", file=sys.stderr)
            failed = True
        elif ratio < 1 / RISE_MAX and not update:
            print(f"{workload}: it fell by more than a tenth; keep it with --update", file=sys.stderr)
    if update:
        kept[compiler] = counted
        KEPT.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
