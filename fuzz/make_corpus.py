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
CONFIGURATION = {
    "usual": b'# a broker\nendpoint = ["tcp:port=20000", \'tls:port=1:key=k:cert=c\']\nthreads = 2 # of them\nwildcards = true\n',
    "list-over-lines": b'auth = [\n  "users.json", # one\n\n  \'env\',\n]\r\n',
    "escapes": b'name = "\\u00e9\\U0001F41D \\"\\\\\\t\\b\\n"\n\'max-queue\' = \'\\:\\:1\'',
    "quoted-key-with-other-characters": b'name = "\\b\\n"\n\'m@ax-queue\' = \'\\:\\:0\'',
    "line-feed-in-a-key": b'"a\\n"\nmax-queue = 1',
    "numbers": b'a = 0\nb = +1_000\nc = -5\nd = 0xff\n',
    "key-twice": b'debug = true\ndebug = false\n',
    "table": b'[limits]\nmax-queue = "1M"\n',
    "dotted": b'a.b = 1\n',
    "fraction": b'threads = 1.5\n',
    "lines-of-text": b'name = """\nx"""\n',
    "open-list": b'auth = ["env"',
    "open-text": b'name = "env\n',
    "not-utf8": b'name = "\xff\xc0\x80"\n',
    "control": b'name = "\x00\x1b"\n',
    "byte-order-mark": b'\xef\xbb\xbfdebug = true\n',
    "surrogate": b'name = "\\ud800"\n',
}

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

def answers(choice: int, *pages: str) -> bytes:
    """Two looks of four pages each for `hpfeeds top`; what is not given is empty."""
    empty = ['{"seconds":1}', '{"idents":[]}', '{"channels":[]}', '{"connections":[]}'] * 2
    return bytes([choice]) + "\x1e".join([*pages, *empty[len(pages):]]).encode()


OVERVIEW = ('{"name":"hpfeeds","version":"0.1.0","seconds":%s,"shards":2,"connections":3,"logged_in":2,"idents":2,"channels":1,'
            '"subscriptions":1,"accepted":4,"logins":3,"published_messages":%d,"published_bytes":9,"received_bytes":90,"sent_bytes":70,'
            '"queued_bytes":5,"dropped_messages":1,"memory_bytes":139136,"memory_bytes_max":67108864,'
            '"refusals":{"wrong-secret":4,"protocol-error":2}}')
IDENTS = ('{"total":2,"offset":0,"limit":1000,"sort":"bytes","complete":true,"idents":[{"ident":"sensor","owner":"o","connections":1,'
          '"published_messages":%d,"received_bytes":90,"sent_bytes":0,"queued_bytes":5,"dropped_messages":1,"refusals":{"wrong-secret":4}},'
          '{"ident":"logger\\u001b[2J","connections":1}]}')
CHANNELS = '{"channels":[{"channel":"events","subscriptions":1,"publishers":1,"published_messages":%d,"published_bytes":9}]}'
CONNECTIONS = ('{"connections":[{"address":"127.0.0.1:5","ident":"logger","owner":"o","state":"ready","tls":false,"seconds":12.5,'
               '"subscriptions":1,"queued_bytes":5,"slow":true,"dropping":false}]}')
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
LARGEST = 2 ** 64 - 1
# What `hpfeeds top` may be answered: order and screen, this look, the look before.
EXPORTER_ANSWER = {
    "two-looks": answers(0, OVERVIEW % ("12.5", 900), IDENTS % 900, CHANNELS % 900, CONNECTIONS,
                         OVERVIEW % ("10.5", 100), IDENTS % 100, CHANNELS % 100, CONNECTIONS),
    "with-heads": answers(6, HEAD + OVERVIEW % ("2", 1), HEAD + IDENTS % 1, HEAD + CHANNELS % 1, HEAD + CONNECTIONS),
    "restarted": answers(13, OVERVIEW % ("1", 1), IDENTS % 1, CHANNELS % 1, CONNECTIONS, OVERVIEW % ("1000", 90), IDENTS % 90),
    "hardly-later": answers(2, OVERVIEW % ("5e-300", LARGEST), IDENTS % LARGEST, CHANNELS % LARGEST, CONNECTIONS,
                            OVERVIEW % ("0", 0), IDENTS % 0, CHANNELS % 0),
    "counters-that-wrap": answers(4, '{"seconds":2,"refusals":{"a":%d,"b":%d}}' % (LARGEST, LARGEST)),
    "twice-the-same-ident": answers(5, '{"seconds":3}', '{"idents":[{"ident":"a"},{"ident":"a","published_messages":2},{}]}'),
    "wide-names": answers(11, '{"seconds":1e10,"name":"\\u202e\\u4e2d\\ud83d\\ude00"}', '{"idents":[{"ident":"' + "\u4e2d" * 80 + '"}]}'),
    "not-utf-8": answers(1, '{"seconds":1,"name":"a') + b"\xff\x9b" + b'"}',
    "control-in-an-error": answers(1, '{"seconds":1,"name":"a\u009b2J'),
    "negative": answers(3, '{"seconds":-1,"connections":-5,"queued_bytes":-9223372036854775808}'),
    "too-large": answers(0, '{"seconds":1,"queued_bytes":9223372036854775808}'),
    "fraction": answers(0, '{"seconds":1,"accepted":1.5}'),
    "list": answers(0, "[]"),
    "deep": answers(0, "[" * 2000),
    "no-details": answers(0, "HTTP/1.1 404 Not Found\r\n\r\n"),
    "another-status": answers(0, "HTTP/1.1 503 \x1b[2J\r\n\r\nlater"),
    "no-status": answers(0, "HTTP/1.\r\n\r\n"),
    "hpfeeds": AUTH,
}

EXPORTER_REQUEST = {
    "metrics": b"GET /metrics HTTP/1.1\r\nHost: broker:9431\r\nAccept: text/plain\r\n\r\n",
    "page": b"GET /idents?limit=50&offset=100&sort=bytes HTTP/1.0\n\n",
    "by-a-proxy": b"HEAD http://broker:9431/overview?x HTTP/1.1\r\n\r\n",
    "host-alone": b"GET http://broker HTTP/1.1\r\n\r\n",
    "no-end": b"GET /metrics HTTP/1.1\r\nHost: x\r\n",
    "endless": b"GET /" + b"a" * 8192,
    "version-2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "small-letters": b"get / HTTP/1.1\r\n\r\n",
    "two-at-once": b"GET / HTTP/1.1\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n",
    "auth": AUTH,
    "query": b"limit=1000&offset=1000000&sort=messages",
    "limit-0": b"limit=0",
    "offset-too-large": b"offset=1000001",
    "sort-unknown": b"sort=\x1b[2J",
    "unknown": b"&&limits=1&" + b"x" * 60,
}

# Each * is a secret (hidden.hpp).
SQL_URL = {
    "mysql": b"mysql://user:*@127.0.0.1:3306/keys?unix_socket=/run/s&charset=utf8mb4&ssl_ca=a&ssl_cert=b&ssl_key=c",
    "postgresql": b"postgresql+asyncpg://u%40:p%2F*@[::1]:5432/keys?sslmode=verify-full&host=/run",
    "sqlite": b"sqlite:////var/lib/keys.db",
    "sqlite-host": b"sqlite://host/keys.db",
    "other-names": b"postgres://host/d%62",
    "slash-in-password": b"mysql://user:*/x@host/keys",
    "question-in-password": b"mysql://user:*?x@host/keys",
    "looks-like-a-port": b"mysql://user:12/q?*@host/keys",
    "at-in-password": b"mysql://user:*@x@host/keys",
    "percent": b"mysql://user:*%zz@host/keys",
    "port": b"mysql://user:*@host:65536/keys",
    "no-database": b"mysql://user:*@host",
    "half-a-bracket": b"mysql://user:*@[::1/keys",
    "nul-in-brackets": b"mysql://user:*@[\0]/keys",
    "unknown-option": b"mysql://user:*@host/keys?ssl=1",
    "half-a-certificate": b"mysql://user:*@host/keys?ssl_cert=b",
    "unknown": b"oracle://user:*@host/keys",
}
MONGO_URL = {
    "all": b"mongodb://user:*@a:27017,[::1]:27018/keys?collection=sensors&replicaSet=r&tls=true",
    "srv": b"mongodb+srv://cluster.example/keys",
    "at-in-password": b"mongodb://user:*@x@host/keys",
    "slash-in-password": b"mongodb://user:*/x@host/keys",
    "colon-in-password": b"mongodb://user:*:x@host/keys",
    "percent": b"mongodb://user:*%zz@host/keys",
    "no-database": b"mongodb://user:*@host",
    "no-host": b"mongodb://user:*@/keys",
    "line-feed": b"mongodb://user:*@a\nb/keys",
    "unknown-option": b"mongodb://user:*@host/keys?speed=1",
    "endless-wait": b"mongodb://user:*@host/keys?socketTimeoutMS=0",
    "mechanism": b"mongodb://user:*@host/keys?authMechanism=MONGODB-X509",
    "collection": b"mongodb://host/keys?collection=%24cmd",
    "no-value": b"mongodb://user:*@host/keys?tls",
}


def bson(*elements: bytes) -> bytes:
    body = b"".join(elements) + b"\0"
    return struct.pack("<i", 4 + len(body)) + body


def element(kind: int, name: bytes, value: bytes) -> bytes:
    return bytes([kind]) + name + b"\0" + value


def text(name: bytes, value: bytes) -> bytes:
    return element(2, name, struct.pack("<i", len(value) + 1) + value + b"\0")


def names(name: bytes, *values: bytes) -> bytes:
    return element(4, name, bson(*(text(b"%d" % at, value) for at, value in enumerate(values))))


WHO = text(b"identifier", b"sensor") + text(b"secret", b"Hu5h")
MONGO_DOCUMENT = {
    "key": bson(WHO, text(b"owner", b"lab"), names(b"publish", b"events", b"other"), names(b"subscribe")),
    "least": bson(WHO),
    "nulls": bson(WHO, element(10, b"owner", b""), element(10, b"publish", b""), element(6, b"subscribe", b"")),
    "no-secret": bson(text(b"identifier", b"Hu5h")),
    "empty-secret": bson(text(b"identifier", b"Hu5h"), text(b"secret", b"")),
    "secret-is-number": bson(text(b"identifier", b"sensor"), element(16, b"secret", bytes(4))),
    "list-is-text": bson(WHO, text(b"publish", b"Hu5h")),
    "list-of-numbers": bson(WHO, element(4, b"publish", bson(element(18, b"0", bytes(8))))),
    "list-of-lists": bson(WHO, element(4, b"publish", bson(names(b"0", b"Hu5h")))),
    "list-too-long": bson(WHO, element(4, b"publish", struct.pack("<i", 99) + b"\0")),
    "text-too-long": bson(element(2, b"identifier", struct.pack("<i", 99) + b"x\0")),
    "not-utf8": bson(text(b"identifier", b"\xff"), text(b"secret", b"\xfe"), names(b"publish", b"\xfd")),
    "nul-in-ident": bson(text(b"identifier", b"a\0b"), text(b"secret", b"s")),
    "length-negative": struct.pack("<i", -5) + b"\0",
}

# The first byte of a row says which columns are NULL; each column ends at a byte 0xff.
KEY_ROW = {
    "key": b'\0lab\xffsensor\xffHu5h\xff["events","other"]\xff[]',
    "nulls": b"\x19\xffsensor\xffHu5h",
    "nothing": b"\x1f",
    "null-of-json": b"\0\xffsensor\xffHu5h\xffnull\xffnull",
    "no-secret": b"\4lab\xffsensor\xff\xff[]\xff[]",
    "not-a-list": b'\0lab\xffsensor\xffHu5h\xff{"a": 1}\xff[]',
    "list-of-numbers": b"\0lab\xffsensor\xffHu5h\xff[]\xff[1, 2.5e300]",
    "nested": b"\0lab\xffsensor\xffHu5h\xff[" + b"[" * 70 + b"]" * 70 + b"]",
    "torn": b'\0lab\xffsensor\xffHu5h\xff["eve',
    "names-of-all-kinds": b'\0lab\xffsen\nsor\xffHu5h\xff["\\u00fc","\\ud83d\\ude00","\\u0000",""]',
    "half-a-pair": b'\0lab\xffsensor\xffHu5h\xff["\\ud83d"]',
}

# Each * is a secret (hidden.hpp).
TENTACOOL = {
    "keys": b"user1;*;channel1,channel2;channel22;\nuser2;*;;a\n",
    "blanks": b" user ; * ;\ta , b ;\r\n",
    "three-fields": b"user;*;a",
    "six-fields": b"user;*;a;b;c;d",
    "no-secret": b"user;;a;b;",
    "no-ident": b";*;a;b",
    "twice": b"user;*;a;b\nuser;*x;a;b\n",
    "behind-an-empty-line": b"user;*;a;b\n\nuser2;*;a;b\n",
    "long-channel": b"user;*;" + b"c" * 256 + b";b",
    "long-ident": b"i" * 256 + b";*;a;b",
}

# A packet, and a variable's value.
TAKEOVER = {
    "socket": b"shpfeeds",
    "all-sent": b"a",
    "failed": b"fno such file\n",
    "unknown-word": b"\0",
    "nothing": b"",
    "longest": b"s" + b"n" * 4095,
    "too-long": b"s" + b"n" * 4096,
    "number": b"30000000",
    "number-too-large": b"99999999999999999999",
    "negative": b"-1",
    "with-unit": b"30s",
    "line-feed": b"1\n2\x7f",
    "names": b"hpfeeds:web::x",
}

CANARY = {"song": b"hp\xfe"}


def main() -> None:
    seeds = {"parser": PARSER, "endpoint": ENDPOINT, "configuration": CONFIGURATION, "json_accounts": JSON_ACCOUNTS,
             "client_machine": CLIENT_MACHINE, "door": DOOR, "pem_files": PEM_FILES, "proxy_header": PROXY_HEADER,
             "exporter_request": EXPORTER_REQUEST, "exporter_answer": EXPORTER_ANSWER, "sql_url": SQL_URL, "mongo_url": MONGO_URL,
             "mongo_document": MONGO_DOCUMENT, "key_row": KEY_ROW, "tentacool": TENTACOOL,
             "takeover": TAKEOVER, "canary": CANARY}
    for target, files in seeds.items():
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
