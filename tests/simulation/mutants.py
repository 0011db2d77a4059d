#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The simulation must be able to fail: builds it with each mistake of mutants.json, and expects that it is found.

usage: mutants.py SOURCE_DIR BUILD_DIR [NAME-PART]

A mutant is one source file of the broker with one text replaced. It is compiled as the simulation compiles it and linked
with the other objects; the sources themselves are never touched. Ends with 1 when a mutant lives, or no longer applies.
"""
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

EVENTS = "400000"
SECONDS_MAX = 240  # a mutant that never ends is noticed as well


def commands_of_simulation(build):
    """For each source file: its folder, its command, its object."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if "hpfeeds_simulate.dir" not in entry["command"]:
            continue
        words = shlex.split(entry["command"])
        output = pathlib.Path(entry["directory"]) / words[words.index("-o") + 1]
        found[pathlib.Path(entry["file"]).resolve()] = (entry["directory"], words, output)
    return found


def verdict(mutant, source, commands):
    original = (source / mutant["file"]).resolve()
    text = original.read_text()
    if text.count(mutant["find"]) != 1:
        return f"no longer applies: its text is {text.count(mutant['find'])} times in {mutant['file']}"
    directory, words, own_object = commands[original]
    with tempfile.TemporaryDirectory() as scratch:
        mutated = pathlib.Path(scratch) / original.name
        mutated.write_text(text.replace(mutant["find"], mutant["put"]))
        made = pathlib.Path(scratch) / "mutant.o"
        compile_words = list(words)
        compile_words[compile_words.index("-o") + 1] = str(made)
        compile_words[compile_words.index(str(original))] = str(mutated)
        # What a mutant no longer uses is no error.
        compile_words = [word for word in compile_words if word != "-Werror"] + ["-w"]
        built = subprocess.run(compile_words, cwd=directory, capture_output=True, text=True)
        if built.returncode:
            return "does not compile: " + built.stderr[-500:]
        program = pathlib.Path(scratch) / "simulate"
        objects = [str(made if output == own_object else output) for _, _, output in commands.values()]
        compiler = next(word for word in words if not word.endswith("ccache"))
        linked = subprocess.run([compiler, *objects, "-o", str(program), "-lcrypto"], cwd=directory, capture_output=True,
                                text=True)
        if linked.returncode:
            return "does not link: " + linked.stderr[-500:]
        try:
            run = subprocess.run([str(program), "--seed", "1", "--events", EVENTS, "--brief"], capture_output=True, text=True,
                                 timeout=SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return None
        if run.returncode == 0:
            return "LIVES: the simulation did not notice it"
        first = next((line for line in run.stderr.splitlines() if line.startswith("simulate:") or "Assert" in line), "?")
        print(f"found: {mutant['name']}\n       {first}", flush=True)
        return None


def main():
    source, build = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    part = sys.argv[3] if len(sys.argv) > 3 else ""
    mutants = [m for m in json.loads((source / "tests/simulation/mutants.json").read_text()) if part in m["name"]]
    commands = commands_of_simulation(build)
    if not commands:
        sys.exit("mutants.py: build the target hpfeeds_simulate first")
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for mutant, why in zip(mutants, pool.map(lambda m: verdict(m, source, commands), mutants)):
            if why:
                failed += 1
                print(f"{mutant['name']}: {why}", flush=True)
    print(f"{len(mutants) - failed} of {len(mutants)} mutants found")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
