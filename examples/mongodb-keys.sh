#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mongodb-keys.sh: makes keys for a sensor and a logger in MongoDB, as MHN keeps them, asks what they may do, and copies
# them into a file. The URL is taken from the environment, so that its password does not show in ps:
#
#   HPFEEDS_STORE=mongodb://USER:PASSWORD@127.0.0.1:27017/hpfeeds ./mongodb-keys.sh
set -eu
export HPFEEDS_STORE="${HPFEEDS_STORE:-mongodb://127.0.0.1:27017/hpfeeds}"
hpfeeds user add sensor1 --replace --publish cowrie.sessions
hpfeeds user add logger1 --replace --subscribe cowrie.sessions --owner lab
hpfeeds user list
hpfeeds user check sensor1 --channel cowrie.sessions --publish --store "$HPFEEDS_STORE"
hpfeeds user copy --from "$HPFEEDS_STORE" --to users-of-mongodb.json
