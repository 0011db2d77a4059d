#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rehearse_dockerfile.py DOCKERFILE CONTEXT BASE FOLDER: carries out a Dockerfile's steps without an engine.

Each FROM becomes a copy of BASE (a Debian root folder, as debootstrap makes it) below FOLDER; RUN is a chroot. It knows the
instructions that our Dockerfile uses, refuses others, and writes what an engine would remember (user, folder, command, ports)
to FOLDER/image.json. Wants root.
"""
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path


def logical_lines(text):
    line = ""
    for raw in text.splitlines():
        if not line and (not raw.strip() or raw.lstrip().startswith("#")):
            continue
        line += raw.rstrip("\\") if raw.endswith("\\") else raw
        if not raw.endswith("\\"):
            yield line
            line = ""


class Stage:
    def __init__(self, root):
        self.root = root
        self.folder = "/"
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                            "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root"}
        self.image = {"user": "root", "command": [], "ports": [], "volumes": []}

    def inside(self, path):
        return self.root / str(Path(self.folder) / path).lstrip("/")

    def run(self, command):
        self.inside(".").mkdir(parents=True, exist_ok=True)
        inner = f"cd {shlex.quote(self.folder)} && {command}"
        if self.image["user"] != "root":
            inner = f"runuser -u {self.image['user']} -- sh -c {shlex.quote(inner)}"
        subprocess.run(["chroot", str(self.root), "/bin/sh", "-c", inner], check=True, env=self.environment,
                       stdin=subprocess.DEVNULL)


def copy(source, target, as_folder):
    if source.is_dir():
        ignored = {line.strip() for line in (source / ".dockerignore").read_text().splitlines()} \
            if (source / ".dockerignore").exists() else set()
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True,
                        ignore=lambda folder, names: ignored & set(names) if Path(folder) == source else [])
    else:
        target = target / source.name if as_folder else target
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def main(dockerfile, context, base, folder):
    stages = {}
    stage = None
    for line in logical_lines(Path(dockerfile).read_text()):
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        print(f"--- {line}", flush=True)
        if word == "FROM":
            name = rest.split(" AS ")[1] if " AS " in rest else "final"
            root = Path(folder) / name
            root.mkdir(parents=True)
            subprocess.run(["cp", "-a", f"{base}/.", str(root)], check=True)
            shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
            stage = stages[name] = Stage(root)
        elif word == "RUN":
            stage.run(rest)
        elif word == "COPY":
            *options, source, target = rest.split()
            origin = Path(context)
            for option in options:
                assert option.startswith("--from="), option
                origin = stages[option.removeprefix("--from=")].root
            copy(origin / source.lstrip("/"), stage.inside(target), target.endswith("/"))
        elif word == "WORKDIR":
            stage.folder = str(Path(stage.folder) / rest)
            stage.inside(".").mkdir(parents=True, exist_ok=True)
        elif word == "ENV":
            name, value = rest.split("=", 1)
            stage.environment[name] = value
        elif word == "USER":
            stage.image["user"] = rest
        elif word == "VOLUME":
            stage.image["volumes"].append(rest)
        elif word == "EXPOSE":
            stage.image["ports"] += [int(port) for port in rest.split()]
        elif word == "CMD":
            stage.image["command"] = json.loads(rest)
        else:
            raise SystemExit(f"rehearse_dockerfile.py: {word} is not understood; teach it, or leave it out")
    stage.image["folder"] = stage.folder
    stage.image["environment"] = stage.environment
    stage.image["root"] = str(stage.root)
    (Path(folder) / "image.json").write_text(json.dumps(stage.image, indent=1))


if os.geteuid() != 0:
    raise SystemExit("rehearse_dockerfile.py: chroot wants root")
main(*sys.argv[1:])
