#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""commands.py BROKER HPFEEDS ROOT: every command line that the documentation shows is one that the programs take.

A line of `hpfeeds-broker` is read by the broker itself (--print-config), so a flag, a value or an endpoint that it does
not take fails. Of a line of `hpfeeds` the action and the flags must be those of its --help.
"""
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

LINES_EXPECTED = 40  # fewer would mean that they are not found any more
ENDS = {"|", ">", "<", "&&", ";", "||", "&", "2>", ">>", "2>&1"}
PLACEHOLDERS = {"PORT": "20000", "HOST": "localhost", "N": "2", "SECONDS": "2"}


def shown_commands(page):
    """The command lines in the page's blocks, with where they stand."""
    fenced = ""
    whole = ""
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = "" if fenced else line.strip().strip("`") or "text"
            continue
        if not (fenced in ("sh", "bash", "shell", "console", "text") or line.startswith("    ")):
            continue
        whole += line.strip().removeprefix("$ ")
        if whole.endswith("\\"):
            whole = whole[:-1]
            continue
        if re.match(r"(\w+=\S+ )*hpfeeds(-broker)? ", whole) and "…" not in whole:
            yield number, whole
        whole = ""


def words_of(line):
    words = []
    for word in shlex.split(line, comments=True):
        if word in ENDS:
            break
        words.append(word)
    while words and re.match(r"\w+=", words[0]):
        words.pop(0)
    return words


class Programs:
    def __init__(self, broker, hpfeeds, folder):
        self.broker, self.hpfeeds, self.folder = broker, hpfeeds, folder
        self.helps = {}

    def run(self, words):
        return subprocess.run(words, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False)

    def help(self, actions):
        if actions not in self.helps:
            done = self.run([self.hpfeeds, *actions, "--help"])
            self.helps[actions] = done.stdout if done.returncode == 0 else ""
        return self.helps[actions]

    def fault_of_broker(self, words):
        if any(word in ("--help", "--version") for word in words):
            return ""
        words = [PLACEHOLDERS.get(word, word) for word in words]
        words = [re.sub(r"port=PORT\b", "port=20000", word) for word in words]
        for flag, value in zip(words, words[1:]):
            if flag == "--config":
                (self.folder / pathlib.Path(value).name).touch()
                words[words.index(value)] = pathlib.Path(value).name
        # --check and --print-config exclude each other, and the former looks at files that are not here.
        words = [word for word in words if word != "--check"]
        done = self.run([self.broker, *words, "--print-config"])
        return "" if done.returncode == 0 else done.stderr.strip() or f"status {done.returncode}"

    def fault_of_hpfeeds(self, words):
        actions = ()
        while len(actions) < min(2, len(words)) and re.fullmatch(r"[a-z]+", words[len(actions)]):
            if len(actions) == 1 and actions[0] != "user":
                break
            actions += (words[len(actions)],)
        text = self.help(actions)
        if not text:
            return f"there is no action {' '.join(actions)}"
        general = self.help(())
        for word in words[len(actions):]:
            flag = word.split("=")[0]
            if re.fullmatch(r"-\w|--[a-z][a-z-]*", flag) and not re.search(rf"{flag}\b", text + general):
                return f"{flag} is not in `hpfeeds {' '.join(actions)} --help`"
        return ""


def main():
    broker, hpfeeds, root = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    pages = [root / "README.md", root / "examples/README.md", *sorted((root / "docs").rglob("*.md"))]
    pages = [page for page in pages if "decisions" not in page.parts]
    seen = 0
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        programs = Programs(broker, hpfeeds, pathlib.Path(folder))
        for page in pages:
            for number, line in shown_commands(page):
                seen += 1
                program, *words = words_of(line)
                fault = programs.fault_of_broker(words) if program == "hpfeeds-broker" else programs.fault_of_hpfeeds(words)
                if fault:
                    faults.append(f"{page.relative_to(root)}:{number}: {line}\n    {fault}")
    print(f"{seen} command lines")
    for fault in faults:
        print(fault)
    if seen < LINES_EXPECTED:
        sys.exit(f"only {seen} command lines found, not {LINES_EXPECTED}: does commands.py still find them?")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
