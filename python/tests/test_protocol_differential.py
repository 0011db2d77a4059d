# SPDX-License-Identifier: Apache-2.0
"""hpfeeds.protocol beside the reference package's, on random and mutated input; every difference is a known one.

HPFEEDS_TEST_SEED repeats a run, HPFEEDS_TEST_CASES makes it longer.
"""
from __future__ import annotations

import os
import pathlib
import pickle
import random
import struct
import subprocess

import protocol_cases

SEED = int(os.environ.get("HPFEEDS_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
CASES = int(os.environ.get("HPFEEDS_TEST_CASES", "20000"))

WORDS = ["", "a", "ident", "cowrie.sessions", "dionaea.capture", "ü", "日本", "x" * 254, "x" * 255, "x" * 256, "é" * 128]


# --- Input ------------------------------------------------------------------------------------------------------------

def text(chance):
    word = chance.choice(WORDS) if chance.random() < 0.7 else "".join(chance.choices("ab.ü€", k=chance.randrange(12)))
    return chance.choice([str, str.encode, lambda word: bytearray(word.encode())])(word)


def data(chance):
    made = chance.randbytes(chance.choice([0, 1, 4, 20, 300, 5000]))
    return chance.choice([bytes, bytes, bytearray])(made)


def anything(chance):
    return chance.choice([None, 0, 5, 1.5, [], [1, 2], {}, "text", b"\xff\xfe", "\udcff", "\ud800", object])


def packed(chance, size_max=40):
    made = chance.randbytes(chance.randrange(size_max)) if chance.random() < 0.3 else chance.choice(WORDS).encode()[:255]
    size = len(made) if chance.random() < 0.85 else chance.randrange(256)
    return bytes([size]) + made


def body(chance):
    made = packed(chance) + chance.choice([b"", packed(chance), packed(chance) + data(chance)]) + bytes(data(chance))
    return chance.choice([bytes, bytes, bytes, bytearray])(made[:chance.choice([None, None, 0, 1, 3, 20])])


def frame(chance):
    payload = bytes(body(chance))
    length = 5 + len(payload)
    if chance.random() < 0.05:
        length = chance.choice([0, 4, 5, 281, 282, 1 << 20, (1 << 20) + 5, (1 << 20) + 6, -1, -(1 << 31), length + 1])
    opcode = chance.randrange(6) if chance.random() < 0.97 else chance.randrange(256)
    return struct.pack("!iB", length, opcode) + payload


def stream(chance):
    whole = bytearray(b"".join(frame(chance) for _ in range(chance.randrange(1, 8))))
    if whole and chance.random() < 0.3:
        whole[chance.randrange(len(whole))] = chance.randrange(256)
    chunks = []
    while whole:
        size = chance.choice([1, 3, 5, 64, 1000, len(whole)])
        chunks.append(bytes(whole[:size]))
        del whole[:size]
    return chunks


CALLS = {
    "msgpublish": (text, text, lambda chance: chance.choice([text, data])(chance)),
    "msgsubscribe": (text, text),
    "msgunsubscribe": (text, text),
    "msgauth": (data, text, lambda chance: chance.choice(WORDS)),
    "msginfo": (text, data),
    "msgerror": (text,),
    "msghdr": (lambda chance: chance.randrange(-3, 260), data),
    "hashsecret": (data, lambda chance: chance.choice(WORDS)),
    "strpack8": (text,),
    "force_bytes": (lambda chance: chance.choice([text, data, anything])(chance),),
    "force_str": (lambda chance: chance.choice([text, data, anything])(chance),),
    "strunpack8": (body,), "readinfo": (body,), "readauth": (body,), "readpublish": (body,),
    "readsubscribe": (body,), "readunsubscribe": (body,), "readerror": (body,),
    "Unpacker": (),
}


def cases(seed, count):
    chance = random.Random(seed)
    for _ in range(count):
        name = chance.choice([*CALLS, "Unpacker", "Unpacker"])
        if name == "Unpacker":
            yield name, stream(chance)
            continue
        arguments = [make(chance) for make in CALLS[name]]
        if chance.random() < 0.03:
            arguments[chance.randrange(len(arguments))] = anything(chance)
        yield name, tuple(arguments)


# --- Known differences: each is a section of README.md ----------------------------------------------------------------

def is_refusal(outcome, kind):
    return outcome[0] == "raises" and kind in outcome[1]


def a_length_below_the_header(name, arguments, theirs, ours):
    """Theirs gives out nonsense, or the same frame for ever."""
    if name != "Unpacker" or not is_refusal(ours[-1][1], "ProtocolException"):
        return False
    return ours[-1][1][2].startswith("Length below the header: ") and ours[:-1] == theirs[:len(ours) - 1]


def a_string_past_the_end(name, arguments, theirs, ours):
    """Theirs gives out what there is, or a TypeError."""
    return is_refusal(ours, "ProtocolException") and ours[2] == "A string runs past the end of its message"


def a_str_where_bytes_belong(name, arguments, theirs, ours):
    """Theirs takes the characters of a str for bytes; or finds another TypeError."""
    return name.startswith(("read", "strun")) and is_refusal(ours, "TypeError") and isinstance(arguments[0], str)


def bytes_for_a_secret(name, arguments, theirs, ours):
    """Theirs knows str alone."""
    return name in ("msgauth", "hashsecret") and is_refusal(theirs, "AttributeError") and (
        isinstance(arguments[-1], bytes) or is_refusal(ours, "TypeError"))


def a_byte_that_was_not_utf8(name, arguments, theirs, ours):
    """A lone surrogate that stands for a byte (PEP 383) becomes that byte; theirs refuses it."""
    return is_refusal(theirs, "UnicodeEncodeError") and any("\udcff" == argument for argument in arguments) and (
        ours[0] == "returns" or "TypeError" in ours[1])


def another_wrong_type(name, arguments, theirs, ours):
    """Ours says TypeError where theirs fails in some other way, or takes a number for that many zeros."""
    return is_refusal(ours, "TypeError") and (name == "msghdr" or any(
        not isinstance(argument, (str, bytes, bytearray)) for argument in arguments))


def the_other_of_two_wrong_arguments(name, arguments, theirs, ours):
    """Both refuse the call, but not for the same argument."""
    refusals = ("TypeError", "UnicodeEncodeError", "TooLong", "error")
    return len(arguments) > 1 and all(
        outcome[0] == "raises" and outcome[1][0] in refusals for outcome in (theirs, ours))


KNOWN = [a_length_below_the_header, a_string_past_the_end, a_str_where_bytes_belong, bytes_for_a_secret,
         a_byte_that_was_not_utf8, another_wrong_type, the_other_of_two_wrong_arguments]


# --- The comparison ---------------------------------------------------------------------------------------------------

def agree(theirs, ours):
    """The same result; or an exception that whoever catches theirs catches as well."""
    if isinstance(theirs, list):
        return len(theirs) == len(ours) and all(
            a[0] == b[0] and agree(a[1], b[1]) and agree(a[2], b[2]) and a[3] == b[3] for a, b in zip(theirs, ours))
    if theirs[0] == "raises" and ours[0] == "raises":
        kind = theirs[1][0]
        same_text = theirs[2] == ours[2] or kind in ("TypeError", "error")  # wording of CPython and of struct
        return kind in ours[1] and same_text
    return theirs[0] == ours[0] and (theirs[0] == "loops" or (
        type(theirs[1]) is type(ours[1]) and theirs[1] == ours[1]))


def test_the_same_calls_have_the_same_outcomes(reference_python, tmp_path):
    wanted = list(cases(SEED, CASES))
    (tmp_path / "cases").write_bytes(pickle.dumps(wanted))
    subprocess.run(
        [reference_python, protocol_cases.__file__, str(tmp_path / "cases"), str(tmp_path / "outcomes")],
        check=True, timeout=300, cwd=tmp_path, env={**os.environ, "PYTHONPATH": ""})
    theirs = pickle.loads((tmp_path / "outcomes").read_bytes())
    ours = protocol_cases.outcomes(wanted)
    seen = dict.fromkeys((known.__name__ for known in KNOWN), 0)
    for (name, arguments), their, our in zip(wanted, theirs, ours):
        if agree(their, our):
            continue
        known = [known.__name__ for known in KNOWN if known(name, arguments, their, our)]
        told = [f"{value!r:.1000}" for value in (arguments, their, our)]
        assert known, "HPFEEDS_TEST_SEED={}: {}{}\ntheirs: {}\nours:   {}".format(SEED, name, *told)
        for one in known:
            seen[one] += 1
    print(f"seed {SEED}: {len(wanted)} cases, known differences {seen}")


def test_the_fuzzing_would_notice(reference_python):
    """Two outcomes that differ by a byte are not taken for the same."""
    assert not agree(("returns", b"a"), ("returns", b"b"))
    assert not agree(("returns", b"a"), ("returns", bytearray(b"a")))
    assert not agree(("raises", ["KeyError"], ""), ("raises", ["TypeError"], ""))
    assert agree(("raises", ["error"], "x"), ("raises", ["TooLong", "ValueError", "error"], "y"))


def test_every_known_difference_is_in_the_readme():
    readme = pathlib.Path(__file__).parents[1] / "README.md"
    told = readme.read_text(encoding="utf-8")
    assert [known.__name__ for known in KNOWN if known.__name__.replace("_", " ") not in told] == []
