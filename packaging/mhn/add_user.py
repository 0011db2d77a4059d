#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""add_user.py IDENT SECRET PUBLISH,CSV SUBSCRIBE,CSV: adds a key, or changes the one with this ident.

Called as MHN's script of that name; it says `inserted` or `updated` and the document, with the secret left out, because
installers keep what is printed in their logs. mhn_store.py says which store.
"""
from __future__ import print_function

import sys

import mhn_store


def main():
    if len(sys.argv) < 5:
        print("Usage: %s <ident> <secret> <publish> <subscribe>" % sys.argv[0], file=sys.stderr)
        return 1
    ident, secret, publish, subscribe = sys.argv[1:5]
    user = mhn_store.hpfeeds_user(
        ["add", "--replace", "--json", "--secret-file", "-", "--publish", publish, "--subscribe", subscribe, "--", ident],
        secret)
    print("%s %s" % ("updated" if user["replaced"] else "inserted", dict(mhn_store.document(user), secret="***")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
