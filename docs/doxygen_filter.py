#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""doxygen_filter.py HEADER: prints a public header with its plain comments marked up for Doxygen.

A block of `//` lines above a declaration becomes one of `///`, one behind a member `///<`; the block that opens a
header becomes the file's page. Indented lines in a block are code or tables, and keep their form. A block stands for all
declarations up to the next blank line or comment, as it does for whoever reads the header; a class that the head of its
file describes refers to that.
"""
import re
import sys

COMMENT = re.compile(r"^(\s*)// ?(.*)$")
TRAILING = re.compile(r"^(\s*[^\s/].*?[,;{}]?)\s+// (.*)$")
HEADING = re.compile(r"^--- .* -+$")
# What declares nothing: a comment above it explains the code, and is no documentation.
NOT_A_DECLARATION = re.compile(r"^\s*($|#(?!define)|friend\b|private:|public:|protected:|return\b|if\b|//)")


def block(lines: list[str], indent: str, is_file: bool, name: str) -> list[str]:
    out = [f"{indent}/// @file {name}", f"{indent}///"] if is_file else []
    if is_file:
        out.append(f"{indent}/// @verbatim")
    in_code = False
    for line in lines:
        code = line.startswith("    ") or (in_code and line.startswith("  "))
        if not is_file and code != in_code and line:
            out.append(f"{indent}/// {'@code' if code else '@endcode'}")
            in_code = code
        out.append(f"{indent}/// {line}" if line else f"{indent}///")
    if in_code:
        out.append(f"{indent}/// @endcode")
    if is_file:
        out.append(f"{indent}/// @endverbatim")
    return out


TYPE = re.compile(r"^\s*(class|struct|enum|template|extern|namespace|typedef struct)\b")
BARE_TYPE = re.compile(r"^(\s*)(class|struct|enum class|typedef struct)\s+(HPFEEDS_EXPORT\s+)?(\w+)[^;]*\{")


def declarations(lines: list[str], at: int) -> int:
    """Where the run of declarations that begins at `at` ends."""
    depth = 0
    while at < len(lines):
        line = lines[at]
        if depth <= 0 and (not line.strip() or COMMENT.match(line) or re.match(r"\s*(\}|public:|private:|#(?!define))", line)):
            break
        depth += line.count("{") + line.count("(") - line.count("}") - line.count(")")
        at += 1
    return at


def escaped(text: str) -> str:
    return re.sub(r"\\(?=\w)", r"\\\\", text)


def marked_up(lines: list[str], name: str) -> list[str]:
    out: list[str] = []
    at = 0
    first = True
    while at < len(lines):
        comment = COMMENT.match(lines[at])
        if not comment or lines[at].startswith("// SPDX"):
            bare = BARE_TYPE.match(lines[at])
            if bare and not out[-1].lstrip().startswith(("///", "template", "requires")):
                out[-1] += f" /// Described at the head of {name}."
            trailing = TRAILING.match(lines[at])
            # Members right below the opening of a type are what the comment on the type is about.
            opened = out and TYPE.match(out[-1]) and out[-1].rstrip().endswith(("{", f"head of {name}."))
            end = declarations(lines, at)
            if opened and end > at and not any(" // " in line for line in lines[at:end]) and not TYPE.match(lines[at]):
                indent = re.match(r"\s*", lines[at])[0]
                out += [f"{indent}/// Described with the type.", f"{indent}/// @{{", *lines[at:end], f"{indent}/// @}}"]
                at = end
                continue
            out.append(f"{trailing[1]}  ///< {trailing[2]}" if trailing and "=" not in trailing[2][:1] else lines[at])
            # What goes on below a trailing comment, in its column, belongs to it.
            while trailing and at + 1 < len(lines):
                more = COMMENT.match(lines[at + 1])
                if not more or len(more[1]) < 12:
                    break
                out[-1] += f" {more[2]}"
                out.append("")
                at += 1
                break
            at += 1
            continue
        indent, texts = comment[1], []
        while at < len(lines) and (more := COMMENT.match(lines[at])):
            texts.append(more[2])
            at += 1
        below = lines[at] if at < len(lines) else ""
        heading = len(texts) == 1 and HEADING.match(texts[0])
        if first and not heading:
            out += block(texts, indent, True, name)
            first = False
        elif heading or NOT_A_DECLARATION.match(below):
            out += [f"{indent}// {text}" for text in texts]
        else:
            out += block([escaped(text) for text in texts], indent, False, name)
            end = declarations(lines, at)
            if not TYPE.match(below):
                out.append(f"{indent}/// @{{")
                out += lines[at:end]
                out.append(f"{indent}/// @}}")
                at = end
    return out


def without_specialisations(text: str) -> str:
    """Without specialisations of the standard's traits, which belong to no documented scope. Lines keep their numbers."""
    return re.sub(r"template <>\nstruct std::[^\n]*", "\n", text)


def main() -> None:
    path = sys.argv[1]
    with open(path, encoding="utf-8") as header:
        print("\n".join(marked_up(without_specialisations(header.read()).splitlines(), path.rsplit("/include/", 1)[-1])))


if __name__ == "__main__":
    main()
