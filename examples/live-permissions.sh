#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# live-permissions.sh: what a change of its key does to a client that is connected. Needs hpfeeds-broker and hpfeeds in PATH.
#
# Starts a broker of its own on port ${1:-20555} of the loopback interface, in a folder that goes away again.
set -eu
port=${1:-20555}
folder=$(mktemp -d)
cd "$folder"
hpfeeds user add logger1 --secret trying -s cowrie.sessions,dionaea.capture >/dev/null
hpfeeds-broker -e "tcp:interface=127.0.0.1:port=$port" --recheck 1s 2>broker.log &
broker=$!
trap 'kill $broker 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
wait_for() {  # until the log, or what the client said, holds this
    tries=0
    until grep -q "$1" broker.log client.log 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || { echo "waited in vain for: $1" >&2; exit 1; }
        sleep 0.1
    done
}
wait_for 'listening address'

HPFEEDS_SECRET=trying hpfeeds subscribe --host 127.0.0.1 -p "$port" -i logger1 \
    -c cowrie.sessions -c dionaea.capture >client.log 2>&1 &
wait_for 'connected to'

echo '--- one of two channels is taken away: the subscription ends, the client stays'
hpfeeds user set logger1 --remove-subscribe dionaea.capture >/dev/null
wait_for 'permissions changed'
grep 'permissions changed' broker.log

echo '--- the key is removed: the client is told, and closed'
hpfeeds user remove logger1
wait_for 'session ended'
grep 'session ended' broker.log
wait_for 'Authentication failed'
grep -m 1 'Authentication failed' client.log
