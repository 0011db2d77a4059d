# SPDX-License-Identifier: Apache-2.0
"""protocol_cases.py CASES OUTCOMES: calls of hpfeeds.protocol, made in this interpreter's package, and what came of them.

Run with the reference package's interpreter and imported by the test of ours: the same calls, to be compared.
"""
import pickle
import sys

# An Unpacker that gives out more frames than this from one feed gives them out for ever.
FRAMES_MAX = 200


def outcome_of(call):
    try:
        return ("returns", call())
    except Exception as error:  # whatever it is, it is what is compared
        return ("raises", [kind.__name__ for kind in type(error).__mro__], str(error))


def unpack(protocol, chunks):
    """What each chunk brings: frames, and how the iteration ended."""
    unpacker = protocol.Unpacker()
    told = []
    for chunk in chunks:
        unpacker.feed(chunk)
        frames = []
        ending = ("loops",)
        for _ in range(FRAMES_MAX):
            frame = outcome_of(lambda: next(unpacker))
            if frame[0] == "raises":
                ending = frame
                break
            frames.append(frame[1])
        told.append((frames, ending, outcome_of(unpacker.ready), bytes(unpacker.buf)))
        if ending != ("raises", ["StopIteration", "Exception", "BaseException", "object"], "No message"):
            break
    return told


def outcomes(cases):
    from hpfeeds import protocol

    told = []
    for name, arguments in cases:
        if name == "Unpacker":
            told.append(unpack(protocol, arguments))
        else:
            told.append(outcome_of(lambda: getattr(protocol, name)(*arguments)))
    return told


def main(cases_file, outcomes_file):
    with open(cases_file, "rb") as file:
        cases = pickle.load(file)
    with open(outcomes_file, "wb") as file:
        pickle.dump(outcomes(cases), file)


if __name__ == "__main__":
    main(*sys.argv[1:])
