#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""floors.py: who may include whom, and the other rules of the house that a script can check.

    floors.py ROOT    prints one line per violation (file:line: what, and what to do); exit status 1 if there is any

The tables are the law; the rest of the file only applies them. docs/ARCHITECTURE.md draws the floors.
"""
import pathlib
import re
import sys
from typing import Iterator, NamedTuple

# Room -> what it may include of the others: a whole room, or one of its headers. Includes point down, never up or
# sideways. Everybody may include the public hpfeeds/ headers and the own room.
FLOORS = {
    "bytes": [],
    "wire": [],
    "log": [],
    "metrics": [],
    "core": ["wire", "bytes", "metrics/counter.hpp", "metrics/time_histogram.hpp"],
    "auth": ["core/account.hpp", "log", "metrics"],
    "net": ["core", "wire", "bytes", "log", "metrics"],
    # What the process has of whoever started it: sockets, and somebody to tell how it is.
    "service": ["net/descriptor.hpp", "log"],
    "client": ["wire", "bytes"],
    "config": [],
    "broker": ["net", "service", "auth", "core", "wire", "bytes", "config", "log", "metrics"],
    # The broker in somebody's test program: what an app is to a user, this is to a test.
    "testing": ["broker", "config", "auth", "core/account.hpp"],
    # wire/ because the client room speaks in its values; log/log.hpp because main() starts and stops the log.
    # core/pattern.hpp because `hpfeeds user` explains patterns.
    "apps": ["broker", "service", "config", "client", "auth", "core/account.hpp", "core/pattern.hpp", "wire", "log/log.hpp"],
}

# Begin of a third-party include -> the only places that may know the library. A place is a file, or a folder with /.
THIRD_PARTY = {
    "CLI/": ["src/config/command_line.cpp", "apps/"],
    "openssl/": ["src/wire/challenge.cpp", "src/net/", "src/client/certificate_facts.cpp", "src/client/tls_context.cpp",
                 "src/client/tls_session.cpp",
                 "src/testing/certificate.cpp",
                 "apps/hpfeeds/output.cpp", "apps/hpfeeds/user_output.cpp"],
    "sqlite3.h": ["src/auth/", "src/client/spool.cpp"],
    "mongoc/": ["src/auth/mongo_driver.hpp"],
    "soci/": ["src/auth/"],
    "libpq-fe.h": [],
    "dlfcn.h": ["src/auth/soci_driver.cpp"],
    "spdlog/": ["src/log/"],
    "fmt/": ["src/log/"],
    "nlohmann/": ["src/auth/", "src/broker/details_pages.cpp", "apps/"],
    "prometheus/": [],
    "civetweb.h": [],
    "asio": ["src/client/receive_buffers.hpp", "src/client/session_engine.hpp", "src/client/session_engine.cpp",
             "src/client/session_engine_reading.cpp", "src/client/session_engine_writing.cpp",
             "include/hpfeeds/session.hpp", "include/hpfeeds/stream.hpp", "include/hpfeeds/detail/"],
    "boost/": [],
}

# What must not occur in some rooms: pattern of the code (comments are not looked at), rooms, why.
FORBIDDEN = [
    (r"\b(std::)?(shared_|recursive_|timed_)?mutex\b|<mutex>|<shared_mutex>|\b(lock_guard|unique_lock|scoped_lock"
     r"|condition_variable)\b", ["bytes", "wire", "core", "net"], "what crosses a thread here is a message, not a lock"),
    (r"<thread>|\bstd::(j)?thread\b|<future>|\bstd::async\b", ["bytes", "wire", "core", "config"],
     "this room knows no threads"),
    (r"<sys/socket\.h>|<netinet/[a-z]+\.h>|<sys/epoll\.h>", ["bytes", "wire", "core", "auth", "config", "log"],
     "this room knows no sockets"),
    (r"_clock::now\b|\bgettimeofday\b|\bclock_gettime\b", ["bytes", "wire", "core"],
     "no clock is read here; the caller passes `now`"),
    (r"\bfill_random\b|\bgetrandom\b|\bstd::random_device\b", ["bytes", "core"],
     "no randomness is drawn here; the caller passes it"),
]

# File -> the one thing of FORBIDDEN that it needs all the same; each has a page in docs/decisions/.
EXCEPTIONS = {
    "src/auth/stall_watch.cpp": "<sys/socket.h>",  # 0005: shutdown() ends a driver's waiting
}

DUMPING_GROUNDS = {"util", "utils", "common", "helper", "helpers", "misc"}
CODE_FOLDERS = ("include", "src", "apps", "tests", "fuzz", "bench")
NOT_OURS = {".git", "build", "var", "__pycache__", "venv", ".venv", "corpus"}
TEXT_SUFFIXES = {".hpp", ".cpp", ".py", ".cmake", ".txt", ".md", ".json", ".yml", ".sh", ".1", ".8", ""}
# Folders of the machine that something was written on; they mean nothing anywhere else.
MACHINE_PATH = re.compile(r"(?<![\w.$}/-])/(?:work|root|home/\w+)/")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
ROOM_CALL = re.compile(r"hpfeeds_(?:header_)?room\(\s*(\w+)([^)]*)\)")


class Violation(NamedTuple):
    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


class Include(NamedTuple):
    line: int
    quoted: bool
    path: str


def files_under(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name in NOT_OURS or path.is_symlink():
            continue
        if path.is_dir():
            yield from files_under(path)
        else:
            yield path


def code_files(root: pathlib.Path) -> Iterator[pathlib.Path]:
    for folder in CODE_FOLDERS:
        yield from (path for path in files_under(root / folder) if path.suffix in {".hpp", ".cpp"})


def name_of(root: pathlib.Path, path: pathlib.Path) -> str:
    return path.relative_to(root).as_posix()


def room_of(name: str) -> str | None:
    parts = name.split("/")
    if parts[0] == "apps":
        return "apps"
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


def lines_of(path: pathlib.Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def includes_of(path: pathlib.Path) -> Iterator[Include]:
    for number, line in enumerate(lines_of(path), 1):
        if match := INCLUDE.match(line):
            yield Include(number, match[1] == '"', match[2])


def without_comment(line: str) -> str:
    return re.sub(r"//.*|/\*.*?\*/|^\s*\*.*", "", line)


def check_floors(root: pathlib.Path) -> Iterator[Violation]:
    for path in code_files(root):
        name = name_of(root, path)
        room = room_of(name)
        if room is None:
            continue
        if room not in FLOORS:
            yield Violation(name, 1, f"room `{room}` stands on no floor; add it to FLOORS and to docs/ARCHITECTURE.md")
            continue
        for include in includes_of(path):
            other = include.path.split("/")[0]
            if not include.quoted or other not in FLOORS or other == room:
                continue
            if other not in FLOORS[room] and include.path not in FLOORS[room]:
                yield Violation(name, include.line, f"`{room}` may not include \"{include.path}\"; includes point down: "
                                                    f"it may include {', '.join(FLOORS[room]) or 'no other room'}")


def check_uses(root: pathlib.Path) -> Iterator[Violation]:
    for room in sorted(FLOORS):
        build_file = root / "src" / room / "CMakeLists.txt"
        if not build_file.exists():
            continue
        name = name_of(root, build_file)
        call = ROOM_CALL.search(build_file.read_text(encoding="utf-8"))
        if not call or call[1] != room:
            yield Violation(name, 1, f"does not call hpfeeds_room({room} …)")
            continue
        listed = re.search(r"\bUSES\b([\w\s]*?)(?:\bLINKS\b|\bSOURCES\b|$)", call[2])
        uses = set(listed[1].split()) if listed else set()
        included = {include.path.split("/")[0] for path in files_under(build_file.parent)
                    if path.suffix in {".hpp", ".cpp"} for include in includes_of(path) if include.quoted}
        included = (included & FLOORS.keys()) - {room}
        for other in sorted(included - uses):
            yield Violation(name, 1, f"`{room}` includes headers of `{other}`; add it to USES")
        for other in sorted(uses - included):
            yield Violation(name, 1, f"`{room}` includes nothing of `{other}`; take it out of USES")


def check_third_party(root: pathlib.Path) -> Iterator[Violation]:
    for path in code_files(root):
        name = name_of(root, path)
        if not name.startswith(("src/", "apps/", "include/")):
            continue
        for include in includes_of(path):
            for library, places in THIRD_PARTY.items():
                if include.path.startswith(library) and not any(
                        name == place or (place.endswith("/") and name.startswith(place)) for place in places):
                    yield Violation(name, include.line, f"<{include.path}> is known only to "
                                                        f"{', '.join(places) or 'nobody'}")


def check_forbidden(root: pathlib.Path) -> Iterator[Violation]:
    patterns = [(re.compile(pattern), rooms, why) for pattern, rooms, why in FORBIDDEN]
    for path in code_files(root):
        name = name_of(root, path)
        room = room_of(name)
        for number, line in enumerate(lines_of(path), 1):
            for pattern, rooms, why in patterns:
                if room in rooms and (match := pattern.search(without_comment(line))) and \
                        EXCEPTIONS.get(name) != match[0]:
                    yield Violation(name, number, f"`{match[0]}`: {why}")


def check_files(root: pathlib.Path) -> Iterator[Violation]:
    for path in code_files(root):
        name = name_of(root, path)
        lines = lines_of(path)
        if not lines or not lines[0].startswith("// SPDX-License-Identifier: Apache-2.0"):
            yield Violation(name, 1, "the first line is not `// SPDX-License-Identifier: Apache-2.0`")
        if path.suffix == ".hpp" and "#pragma once" not in lines:
            yield Violation(name, 1, "a header without `#pragma once`")
        if path.stem in DUMPING_GROUNDS or path.parent.name in DUMPING_GROUNDS:
            yield Violation(name, 1, "a dumping ground; name the idea that its contents share")
        if not re.fullmatch(r"[a-z0-9_]+", path.stem):
            yield Violation(name, 1, "files are named in snake_case")
    for path in files_under(root):
        if path.name == "CMakeLists.txt" or path.suffix in {".cmake", ".py"}:
            if not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines_of(path)[:2]):
                yield Violation(name_of(root, path), 1, "no SPDX line in the first two lines")


def check_machine_paths(root: pathlib.Path) -> Iterator[Violation]:
    for path in files_under(root):
        if path.suffix not in TEXT_SUFFIXES:
            continue
        for number, line in enumerate(lines_of(path), 1):
            if match := MACHINE_PATH.search(line):
                yield Violation(name_of(root, path), number, f"`{match[0]}…` is a path of somebody's machine")


CHECKS = [check_floors, check_uses, check_third_party, check_forbidden, check_files, check_machine_paths]


def violations(root: pathlib.Path) -> list[Violation]:
    return [violation for check in CHECKS for violation in check(root)]


def main() -> int:
    if len(sys.argv) != 2 or not pathlib.Path(sys.argv[1], "src").is_dir():
        print("usage: floors.py ROOT, the folder that holds src/", file=sys.stderr)
        return 2
    found = violations(pathlib.Path(sys.argv[1]).resolve())
    for violation in found:
        print(violation)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
