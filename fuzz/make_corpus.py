#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_corpus.py: writes the seeds under fuzz/corpus/, one file per way in that is worth beginning with.

Run again after adding a seed here. Files that the search found, and that are worth keeping, lie beside them and stay.
"""
import pathlib
import struct

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"


def frame(opcode: int, body: bytes) -> bytes:
    return struct.pack(">IB", 5 + len(body), opcode) + body


def str8(text: bytes) -> bytes:
    return bytes([len(text)]) + text


ERROR = frame(0, b"Authentication failed for sensor")
INFO = frame(1, str8(b"hpfeeds") + b"\x00\x01\xfe\xff")
AUTH = frame(2, str8(b"sensor") + bytes(range(20)))
PUBLISH = frame(3, str8(b"sensor") + str8(b"events") + b'{"saddr": "192.0.2.1"}')
EMPTY_PUBLISH = frame(3, str8(b"s") + str8(b"c"))
SUBSCRIBE = frame(4, str8(b"logger") + b"events")
UNSUBSCRIBE = frame(5, str8(b"logger") + b"events")

# The first byte of the parser's inputs: modulo 3 it is who speaks, its higher half chooses the limit of a PUBLISH.
STRANGER, CLIENT, BROKER = bytes([33]), bytes([34]), bytes([32])
CLIENT_WITH_A_LIMIT_OF_64 = bytes([1])
PARSER = {
    "auth": STRANGER + AUTH,
    "auth-then-publish": CLIENT + AUTH + PUBLISH + EMPTY_PUBLISH,
    "subscriptions": CLIENT + SUBSCRIBE + UNSUBSCRIBE,
    "info-then-publish": BROKER + INFO + PUBLISH,
    "error": BROKER + ERROR,
    "torn": CLIENT + PUBLISH[:-3],
    "longest-names": CLIENT + frame(3, str8(b"i" * 255) + str8(b"c" * 255) + b"p"),
    "auth-of-281": STRANGER + frame(2, str8(b"i" * 255) + bytes(20)),
    "auth-of-282": STRANGER + frame(2, str8(b"i" * 255) + bytes(21)),
    "length-0": STRANGER + bytes.fromhex("0000000003"),
    "length-4": CLIENT + bytes.fromhex("0000000403"),
    "length-negative": CLIENT + bytes.fromhex("8000000003"),
    "length-all-ones": CLIENT + bytes.fromhex("ffffffff04"),
    "empty-body": CLIENT + bytes.fromhex("0000000503"),
    "opcode-6": CLIENT + bytes.fromhex("0000000606") + b"x",
    "string-past-frame": CLIENT + frame(3, b"\x06senso"),
    "channel-past-frame": CLIENT + frame(3, str8(b"sensor") + b"\xffx"),
    "small-limit": CLIENT_WITH_A_LIMIT_OF_64 + PUBLISH + frame(3, str8(b"a") + str8(b"b") + b"p" * 60),
}

ENDPOINT = {
    "tcp": b"tcp:port=20000",
    "tcp-all": b"tcp:interface=1.1.1.1:port=80:device=eth0",
    "tcp-ipv6": rb"tcp:interface=\:\:1:port=20000",
    "tls": b"tls:interface=0.0.0.0:port=443:device=eth0:key=path:cert=path:chain=path",
    "escapes": rb"tls:port=1:key=C\:\\k\=1:cert=a",
    "positional": b"tcp:20000",
    "unknown-class": b"udp:port=1",
    "port-twice": b"tcp:port=1:port=2",
    "tls-ca": b"tls:port=443:key=k:cert=c:ca=a:ident=cn",
    "tcp-allow": b"tcp:port=20000:allow=publish",
    "unix": b"unix:path=/run/hpfeeds/socket:mode=0620",
    "proxy": rb"tcp:port=1:proxy=v2:trust=10.0.0.0/8,192.0.2.1,fe80\:\:/10",
    "bind": b"0.0.0.0:20000",
    "bind-ipv6": b"[::1]:20000",
    "size": b"64MiB",
    "duration": b"1500ms",
}

USERS = b"""{
  "sensor": {"owner": "field", "secret": "s", "pubchans": ["events"], "subchans": []},
  "logger": {"owner": "lab", "secret": "\\u00fc", "pubchans": [], "subchans": ["events", "other"], "note": {"a": [1]}}
}
"""
JSON_ACCOUNTS = {
    "users": USERS,
    "empty": b"{}",
    "trailing-comma": b'{"a": {"owner": "o", "secret": "s", "pubchans": [], "subchans": [],}}',
    "no-secret": b'{"a": {"owner": "o", "pubchans": [], "subchans": []}}',
    "list-is-text": b'{"a": {"owner": "o", "secret": "s", "pubchans": "events", "subchans": []}}',
    "ident-twice": b'{"a": {"owner": "o", "secret": "s", "pubchans": [], "subchans": []},'
                   b' "a": {"owner": "o", "secret": "t", "pubchans": [], "subchans": []}}',
    "not-an-object": b'[1, 2.5e3, null, true]',
    "torn": USERS[:70],
    "deep": b'{"a": ' + b"[" * 70 + b"]" * 70 + b"}",
    "not-utf8": b'{"\xff": {"owner": "o", "secret": "s", "pubchans": [], "subchans": []}}',
}

# The first byte of the client's inputs: one less than the length of the pieces.
CLIENT_MACHINE = {
    "info-then-messages": b"\x00" + INFO + PUBLISH + EMPTY_PUBLISH,
    "in-sevens": b"\x06" + INFO + PUBLISH * 3,
    "refused": b"\x04" + INFO + ERROR,
    "error-one-byte-too-long": b"\x1f" + INFO + ERROR + b"r" + PUBLISH,
    "message-before-info": b"\x02" + PUBLISH,
    "info-twice": b"\x02" + INFO + INFO,
    "long-nonce": b"\x02" + frame(1, str8(b"broker") + bytes(16)),
    "wrong-side": b"\x02" + INFO + SUBSCRIBE,
    "length-0": b"\x02" + INFO + bytes(5),
    "torn": b"\x02" + INFO + PUBLISH[:-1],
}



def extension(kind: int, body: bytes) -> bytes:
    return struct.pack(">HH", kind, len(body)) + body


def client_hello(version: bytes, extensions: bytes) -> bytes:
    body = version + b"r" * 32 + b"\0" + b"\0\4\x13\1\xc0\x2b" + b"\1\0" + struct.pack(">H", len(extensions)) + extensions
    message = b"\1" + struct.pack(">I", len(body))[1:] + body
    return b"\x16\3\1" + struct.pack(">H", len(message)) + message


HELLO = client_hello(b"\3\3", extension(43, b"\4\3\4\3\3") + extension(10, b"\0\2\0\x1d") +
                     extension(13, b"\0\4\4\3\x08\4") + extension(51, b"\0\x24\0\x1d\0\x20" + b"\x09" + b"k" * 31))

# The first byte of the door's inputs: one less than the number of the pieces.
DOOR = {
    "hello": b"\0" + HELLO,
    "hello-in-pieces": b"\7" + HELLO,
    "hello-of-tls-1-1": b"\0" + client_hello(b"\3\2", b""),
    "hello-then-plaintext": b"\1" + HELLO + PUBLISH,
    "half-a-hello": b"\2" + HELLO[:60],
    "auth": b"\0" + AUTH,
    "browser": b"\3" + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "ssh": b"\0" + b"SSH-2.0-OpenSSH_9.2\r\n",
    "alert": b"\0" + bytes.fromhex("15030100020228"),
    "record-too-long": b"\0" + bytes.fromhex("160301ffff01"),
}

# Beside these lies a certificate; a key would only teach the search to copy it.
PEM_FILES = {
    "no-such-key": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    "encrypted": b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIBHA==\n-----END ENCRYPTED PRIVATE KEY-----\n",
    "encrypted-the-old-way": b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"
                             b"00112233445566778899AABBCCDDEEFF\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
    "torn": b"-----BEGIN CERTIFICATE-----\nMIIB",
    "no-such-certificate": b"words\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
}

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def proxy(command: int, family: int, rest: bytes, length: int | None = None) -> bytes:
    return SIGNATURE + struct.pack(">BBH", command, family, len(rest) if length is None else length) + rest


TCP4 = bytes([192, 0, 2, 1, 127, 0, 0, 1]) + struct.pack(">HH", 4242, 20000)
TCP6 = bytes.fromhex("20010db8" + "00" * 11 + "01") * 2 + struct.pack(">HH", 4242, 20000)
AUTHORITY = struct.pack(">BH", 2, 15) + b"sensors.example"
PROXY_HEADER = {
    "tcp4": proxy(0x21, 0x11, TCP4),
    "tcp6": proxy(0x21, 0x21, TCP6),
    "tlvs-then-hello": proxy(0x21, 0x11, TCP4 + AUTHORITY + struct.pack(">BH", 4, 0)) + HELLO,
    "local": proxy(0x20, 0x00, b""),
    "unspecified": proxy(0x21, 0x00, b"\1\2\3"),
    "unix": proxy(0x21, 0x31, b"p" * 216),
    "udp4": proxy(0x21, 0x12, TCP4),
    "version-1": b"PROXY TCP4 192.0.2.1 127.0.0.1 4242 20000\r\n",
    "version-3": proxy(0x31, 0x11, TCP4),
    "command-2": proxy(0x22, 0x11, TCP4),
    "family-4": proxy(0x21, 0x41, TCP4),
    "addresses-cut": proxy(0x21, 0x21, TCP4),
    "tlv-past-end": proxy(0x21, 0x11, TCP4 + b"\1\xff\xff"),
    "too-long": proxy(0x20, 0x00, b"", 0xFFFF),
    "torn": proxy(0x21, 0x21, TCP6)[:40],
    "auth": AUTH,
}

CANARY = {"song": b"hp\xfe"}


def main() -> None:
    seeds = {"parser": PARSER, "endpoint": ENDPOINT, "json_accounts": JSON_ACCOUNTS,
             "client_machine": CLIENT_MACHINE, "door": DOOR, "pem_files": PEM_FILES, "proxy_header": PROXY_HEADER,
             "canary": CANARY}
    for target, files in seeds.items():
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
