#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# postgresql-keys.sh: keys on a PostgreSQL server, made with `hpfeeds user`, and a broker that asks for them at every login.
#
#   sudo -u postgres createdb --owner "$USER" feeds      once; the server knows you by its socket, so there is no password
#   ./postgresql-keys.sh
#   hpfeeds subscribe -p 20000 -i logger -s change-me-too -c demo
#
# For MySQL and MariaDB: STORE='database+mysql://user:password@127.0.0.1/feeds' ./postgresql-keys.sh
set -eu
STORE=${STORE:-'database+postgresql:///feeds?host=/run/postgresql'}
hpfeeds user show sensor --store "$STORE" >/dev/null 2>&1 ||
    hpfeeds user add sensor --secret change-me -p demo --store "$STORE"
hpfeeds user show logger --store "$STORE" >/dev/null 2>&1 ||
    hpfeeds user add logger --secret change-me-too -s demo --store "$STORE"
exec hpfeeds-broker -e tcp:interface=127.0.0.1:port="${PORT:-20000}" --auth "$STORE"
