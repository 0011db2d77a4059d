#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sqlite-keys.sh: makes keys for a sensor and a logger in ./sqlite.db, the broker's default; it need not be restarted.
set -eu
store=${1:-sqlite.db}
channels=cowrie.sessions,ssh.failures
hpfeeds user add sensor1 --store "$store" --publish "$channels" --owner field
hpfeeds user add logger1 --store "$store" --subscribe "$channels" --owner lab
hpfeeds user list --store "$store"
