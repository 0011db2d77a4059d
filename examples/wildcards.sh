#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# wildcards.sh: a logger of `cowrie.*` and one of everything. Needs hpfeeds-broker and hpfeeds in PATH.
#
# Starts a broker of its own on port ${1:-20556} of the loopback interface, in a folder that goes away again.
set -eu
port=${1:-20556}
folder=$(mktemp -d)
cd "$folder"
hpfeeds user add archive --secret trying -s '*' >/dev/null 2>&1
hpfeeds user add cowries --secret trying -s 'cowrie.*' >/dev/null 2>&1
hpfeeds user add sensor1 --secret trying -p '*' >/dev/null 2>&1
hpfeeds-broker -e "tcp:interface=127.0.0.1:port=$port" --wildcards --debug 2>broker.log &
broker=$!
trap 'kill $broker $archive $cowries 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
wait_for() {  # FILE TEXT
    tries=0
    until grep -q "$2" "$1" 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || { echo "waited in vain for: $2" >&2; exit 1; }
        sleep 0.1
    done
}
archive='' cowries=''
wait_for broker.log 'listening address'
export HPFEEDS_SECRET=trying HPFEEDS_HOST=127.0.0.1 HPFEEDS_PORT="$port"
hpfeeds subscribe -i archive -c '*' >archive.log 2>&1 &
archive=$!
hpfeeds subscribe -i cowries -c 'cowrie.*' >cowries.log 2>&1 &
cowries=$!
wait_for broker.log 'subscribed .*ident=archive'
wait_for broker.log 'subscribed .*ident=cowries'

hpfeeds publish -i sensor1 -c dionaea.capture 'a binary' >/dev/null
hpfeeds publish -i sensor1 -c cowrie.sessions 'a session' >/dev/null
wait_for archive.log 'a session'
wait_for cowries.log 'a session'
echo '--- who subscribed to *'
grep 'publish to' archive.log
echo '--- who subscribed to cowrie.*'
grep 'publish to' cowries.log
