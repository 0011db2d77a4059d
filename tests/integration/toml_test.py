#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""toml_test.py BROKER PACKAGED: is what the broker reads and writes the TOML that Python reads?

Files are made from a seed, which is printed. What Python's reader refuses the broker must refuse; what the broker takes
must mean the same to both, and so must what --print-config writes. The file PACKAGED is what it writes without settings.
"""
import pathlib
import random
import subprocess
import sys
import tempfile
import tomllib

# libmongoc warns on stderr when it finds the shared memory of a process that was killed and had the same number.
ENVIRONMENT = {"MONGOC_DISABLE_SHM": "1"}

KEYS = ["name", "threads", "debug", "auth", "endpoint", "max-queue", "wildcards"]
VALUES = ['"b"', "'b'", '"a\\tb\\u00e4"', "'x\\y'", '"64M"', "3", "1_0", "+4", "true", "false", '["env"]',
          '[ "env", # a comment\n "users.json",\n]', "['tcp:port=1', \"tcp:port=2\"]", "2026-01-01", "0x10", "1.5", "05", "[]",
          "[,]", '"""x"""', "{ a = 1 }", "b", '"\\q"', '"', '"\x01"', "[1, 2]", "1__0", '"\\uD800"', '"é\U0001F41D"', "\xe9"]
NOISE = ["", "", "", " ", "\t", "# a comment", "#", "[table]", "key", "\r", "= 1", "a.b = 1", "\ufeff", "\x7f"]


def document(chance: random.Random) -> str:
    lines = []
    for key in chance.choices(KEYS, k=chance.randint(0, 3)):
        quoted = chance.choice([key, key, f'"{key}"', f"'{key}'"])
        lines.append(f"{quoted}{chance.choice([' = ', '=', chr(9) + '= '])}{chance.choice(VALUES)}"
                     f"{chance.choice(['', '', ' # why', ' '])}")
        lines.append(chance.choice(NOISE) if chance.random() < 0.3 else "")
    return chance.choice(["\n", "\n", "\r\n"]).join(lines)


def read_by_python(content: bytes) -> dict | None:
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError):
        return None


def plain(values: dict) -> dict:
    """Numbers and texts are the same to a flag; so are a text and a list of one."""
    return {key: str(value) if isinstance(value, int) and not isinstance(value, bool)
            else value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in values.items()}


def compare(broker: str, path: pathlib.Path, content: bytes) -> bool:
    path.write_bytes(content)
    said = subprocess.run([broker, "--config", str(path), "--print-config"], capture_output=True, timeout=60, env=ENVIRONMENT, check=False)
    meant = read_by_python(content)
    if said.returncode == 2:
        assert said.stderr.startswith(b"hpfeeds-broker: "), said.stderr
        return False
    assert said.returncode == 0, (content, said)
    assert meant is not None, f"accepted, and is no TOML: {content!r}"
    written = tomllib.loads(said.stdout.decode("utf-8"))
    assert plain(written) == plain(meant), (content, written, meant)
    return True


def uncommented(text: str) -> str:
    """Each default as if it were set."""
    return "\n".join(line[2:] for line in text.splitlines() if line.startswith("# ") and " = " in line
                     and line[2:].split(" = ")[0].replace("-", "").isalnum() and line[2:3].islower())


def main() -> int:
    broker = sys.argv[1]
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    defaults = subprocess.run([broker, "--print-config"], capture_output=True, text=True, env=ENVIRONMENT, check=True).stdout
    if pathlib.Path(sys.argv[2]).read_text(encoding="utf-8") != defaults:
        print("a flag has changed: hpfeeds-broker --print-config > packaging/broker.toml", file=sys.stderr)
        return 1
    keys = tomllib.loads(uncommented(defaults))
    assert len(keys) > 25 and keys["max-queue"] == "64MiB", keys
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "broker.toml")
        taken = sum(compare(broker, path, document(chance).encode("utf-8", "surrogatepass")) for _ in range(400))
    print("taken", taken)
    assert taken > 40, "the files made are too bad to say anything"
    return 0


if __name__ == "__main__":
    sys.exit(main())
