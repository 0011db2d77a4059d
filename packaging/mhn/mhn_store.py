# SPDX-License-Identifier: Apache-2.0
"""mhn_store.py: where MHN keeps the keys of hpfeeds, and the `hpfeeds user` that works on them.

Any Python that MHN has met will do, 2.7 included. The environment may say:

    HPFEEDS_STORE   another store, in the words of `hpfeeds user --store`
    MONGO_HOST, MONGO_PORT, and with MONGO_AUTH=true MONGO_USER and MONGO_PASSWORD: as for MHN's own scripts
    HPFEEDS_BIN     the program, if `hpfeeds` is not in PATH
"""
from __future__ import print_function

import json
import os
import subprocess
import sys

try:
    from urllib.parse import quote
except ImportError:  # Python 2
    from urllib import quote


def store():
    given = os.environ.get("HPFEEDS_STORE")
    if given:
        return given
    host = os.environ.get("MONGO_HOST") or "127.0.0.1"
    port = os.environ.get("MONGO_PORT") or "27017"
    who = ""
    if os.environ.get("MONGO_AUTH") == "true":
        who = "%s:%s@" % (quote(os.environ.get("MONGO_USER", ""), safe=""),
                          quote(os.environ.get("MONGO_PASSWORD", ""), safe=""))
    return "mongodb://%s%s:%s/hpfeeds" % (who, host, port)


def hpfeeds_user(arguments, secret=None):
    """What `hpfeeds user` prints as JSON; ends the script with its complaint when it fails.

    The store goes by the environment and the secret by standard input: neither shows in the list of processes.
    """
    command = [os.environ.get("HPFEEDS_BIN", "hpfeeds"), "user"] + arguments
    environment = dict(os.environ, HPFEEDS_STORE=store())
    try:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    except OSError as error:
        sys.exit("cannot run %s: %s; set HPFEEDS_BIN to its path" % (command[0], error.strerror))
    line = b"" if secret is None else (os.fsencode(secret) if hasattr(os, "fsencode") else secret) + b"\n"
    printed, _ = process.communicate(line)
    if process.returncode != 0:
        sys.exit(process.returncode)
    return json.loads(printed.decode("utf-8"))


def document(user):
    """A user of `hpfeeds user` as the document that MHN's scripts print."""
    made = {"identifier": user["ident"], "publish": user["pubchans"], "subscribe": user["subchans"]}
    if user["owner"] != user["ident"]:
        made["owner"] = user["owner"]
    return made
