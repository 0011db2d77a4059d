#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""headers_test.py: headers.py takes a build's word for a header only where the build has compiled it alone."""
import json
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import headers  # noqa: E402

TREE = {
    "src/wire/frame.hpp": '#pragma once\n#include "wire/limits.hpp"\n',
    "src/wire/limits.hpp": "#pragma once\n#include <cstddef>\n",
    "src/wire/parser.hpp": "#pragma once\n",
}


class Headers(unittest.TestCase):
    def proven(self, source: str, command: str = "c++ -c parser.cpp", file: str = "src/wire/parser.cpp") -> set[str]:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder).resolve()
            for name, text in (TREE | {file: source}).items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text, encoding="utf-8")
            (root / "build").mkdir(exist_ok=True)
            (root / "build/compile_commands.json").write_text(json.dumps([{"file": str(root / file), "command": command}]))
            return {path.name for path in headers.proven_by(root, root / "build")}

    def test_what_a_source_includes_first_is_proven_and_what_that_includes_first(self) -> None:
        self.assertEqual(self.proven('// Why.\n\n#include "wire/frame.hpp"\n#include "wire/parser.hpp"\n'),
                         {"frame.hpp", "limits.hpp"})

    def test_a_source_that_says_something_else_first_proves_nothing(self) -> None:
        self.assertEqual(self.proven('#include <cstddef>\n#include "wire/limits.hpp"\n'), set())
        self.assertEqual(self.proven('#define _GNU_SOURCE\n#include "wire/limits.hpp"\n'), set())

    def test_a_source_behind_a_precompiled_header_proves_nothing(self) -> None:
        self.assertEqual(self.proven('#include "wire/limits.hpp"\n', "c++ -include cmake_pch.hxx -c parser.cpp"), set())

    def test_a_unity_source_proves_nothing(self) -> None:
        self.assertEqual(self.proven('#include "wire/limits.hpp"\n', file="build/unity_0_cxx.cxx"), set())


if __name__ == "__main__":
    unittest.main()
