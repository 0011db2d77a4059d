#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""floors_test.py: every rule of floors.py finds what breaks it, and lets a clean tree be."""
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import floors  # noqa: E402

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
HEADER = SPDX + "#pragma once\n"
CLEAN = {
    "src/wire/CMakeLists.txt": "# SPDX-License-Identifier: Apache-2.0\nhpfeeds_room(wire SOURCES challenge.cpp LINKS X::Y)\n",
    "src/wire/frame.hpp": HEADER,
    "src/wire/challenge.cpp": SPDX + '#include "wire/frame.hpp"\n\n#include <openssl/sha.h>\n',
    "src/core/CMakeLists.txt": "# SPDX-License-Identifier: Apache-2.0\nhpfeeds_room(core\n  SOURCES shard.cpp\n"
                               "  USES wire metrics\n  LINKS Threads::Threads)\n",
    "src/core/shard.cpp": SPDX + '#include "core/shard.hpp"\n#include "metrics/counter.hpp"\n',
    "src/core/shard.hpp": HEADER + '#include "hpfeeds/error.hpp"\n#include "wire/frame.hpp"\n',
}


class Floors(unittest.TestCase):
    def found_in(self, changes: dict[str, str]) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder).resolve()
            for name, text in (CLEAN | changes).items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return [str(violation) for violation in floors.violations(root)]

    def expect_one(self, changes: dict[str, str], *parts: str) -> None:
        found = self.found_in(changes)
        self.assertEqual(len(found), 1, found)
        for part in parts:
            self.assertIn(part, found[0])

    def test_a_clean_tree_has_no_violation(self):
        self.assertEqual(self.found_in({}), [])

    def test_an_include_that_points_up(self):
        self.expect_one({"src/wire/frame.hpp": HEADER + '#include "core/shard.hpp"\n',
                         "src/wire/CMakeLists.txt": CLEAN["src/wire/CMakeLists.txt"].replace("LINKS", "USES core LINKS")},
                        "src/wire/frame.hpp:3", "`wire` may not include")

    def test_an_include_that_points_sideways(self):
        self.expect_one({"src/wire/frame.hpp": HEADER + '#include "bytes/slab.hpp"\n',
                         "src/wire/CMakeLists.txt": CLEAN["src/wire/CMakeLists.txt"].replace("LINKS", "USES bytes LINKS")},
                        "`wire` may not include")

    def test_a_header_of_a_room_of_which_another_one_is_allowed(self):
        self.expect_one({"src/core/shard.cpp": SPDX + '#include "metrics/registry.hpp"\n'}, "metrics/registry.hpp")

    def test_a_room_that_nobody_knows(self):
        self.expect_one({"src/attic/box.hpp": HEADER}, "room `attic` stands on no floor")

    def test_a_room_that_is_included_but_not_in_uses(self):
        self.expect_one({"src/core/shard.cpp": SPDX + '#include "metrics/counter.hpp"\n#include "bytes/slab.hpp"\n'},
                        "src/core/CMakeLists.txt", "`bytes`; add it to USES")

    def test_a_room_in_uses_that_is_not_included(self):
        self.expect_one({"src/core/shard.cpp": SPDX}, "nothing of `metrics`; take it out of USES")

    def test_a_library_in_the_wrong_place(self):
        for header in ("CLI/CLI.hpp", "openssl/sha.h", "sqlite3.h", "spdlog/spdlog.h", "asio.hpp", "boost/asio.hpp"):
            with self.subTest(header):
                self.expect_one({"src/wire/frame.hpp": HEADER + f"#include <{header}>\n"}, header, "is known only to")

    def test_a_mutex_where_only_messages_cross(self):
        self.expect_one({"src/core/shard.hpp": CLEAN["src/core/shard.hpp"] + "std::mutex lock;\n"}, "`std::mutex`")

    def test_a_mutex_in_a_comment_is_none(self):
        self.assertEqual(self.found_in({"src/wire/frame.hpp": HEADER + "// no std::mutex here\n"}), [])

    def test_a_clock_in_core(self):
        self.expect_one({"src/core/shard.cpp": CLEAN["src/core/shard.cpp"] + "auto now = Clock::steady_clock::now();\n"},
                        "the caller passes `now`")

    def test_a_thread_in_core(self):
        self.expect_one({"src/core/shard.cpp": CLEAN["src/core/shard.cpp"] + "#include <thread>\n"}, "knows no threads")

    def test_a_socket_in_wire(self):
        self.expect_one({"src/wire/frame.hpp": HEADER + "#include <sys/socket.h>\n"}, "knows no sockets")

    def test_a_file_without_licence(self):
        self.expect_one({"src/wire/frame.hpp": "#pragma once\n"}, "the first line is not")
        self.expect_one({"cmake/Some.cmake": "set(x y)\n"}, "no SPDX line")

    def test_a_header_without_a_guard(self):
        self.expect_one({"src/wire/frame.hpp": SPDX}, "without `#pragma once`")

    def test_a_dumping_ground(self):
        self.expect_one({"src/wire/helpers.hpp": HEADER}, "dumping ground")

    def test_a_name_in_camel_case(self):
        self.expect_one({"src/wire/FrameReader.hpp": HEADER}, "snake_case")

    def test_a_path_of_somebodys_machine(self):
        self.expect_one({"docs/notes.md": "see /" + "home/jane/notes\n"}, "somebody's machine")


if __name__ == "__main__":
    unittest.main()
