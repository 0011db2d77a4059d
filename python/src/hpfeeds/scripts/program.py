# SPDX-License-Identifier: Apache-2.0
"""Where the programs are that came with this package."""
from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator


def find(name: str) -> str:
    """The path of `hpfeeds-broker` or `hpfeeds`. FileNotFoundError when it is nowhere.

    HPFEEDS_BROKER_BIN and HPFEEDS_BIN come first, for those who develop them.
    """
    asked = os.environ.get(name.replace("-", "_").upper() + "_BIN")
    for path in ([asked] if asked else _places(name)):
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise FileNotFoundError(f"{asked or name} is not there; install the package hpfeeds again")


def _places(name: str) -> Iterator[str]:
    try:
        files = importlib.metadata.files("hpfeeds") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == name:
            yield str(file.locate())
    yield os.path.join(sysconfig.get_path("scripts"), name)
    elsewhere = shutil.which(name)
    if elsewhere:
        yield elsewhere


def become(name: str) -> None:
    """The program in the place of this process, with its arguments."""
    path = find(name)
    os.execv(path, [path, *sys.argv[1:]])
