#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dump_users.py: prints all keys, a document a line, with their secrets, as MHN's script of that name does.

mhn_store.py says which store.
"""
from __future__ import print_function

import sys

import mhn_store


def main():
    for user in mhn_store.hpfeeds_user(["list", "--json", "--show-secret"]):
        print(dict(mhn_store.document(user), secret=user["secret"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
