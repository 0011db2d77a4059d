#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shell-sensor.sh: publishes a failed SSH login per line of the system's log as JSON.
#
#   journalctl -fu ssh -o cat | HPFEEDS_HOST=broker.example HPFEEDS_PORT=20000 \
#     HPFEEDS_IDENT=sensor1 HPFEEDS_SECRET=change-me-sensor1 ./shell-sensor.sh
#
# The environment says where to and who, so that the secret is not in the list of processes. One connection per event: for a
# few a minute that is enough. A message that is refused is told on standard error, and the sensor goes on.
set -eu
channel=${1:-ssh.failures}
# Failed password for [invalid user] NAME from ADDRESS port PORT ssh2
pattern='^Failed password for \(invalid user \)\{0,1\}\([A-Za-z0-9._-]*\) from \([0-9a-fA-F.:]*\) port \([0-9]*\).*'
while IFS= read -r line; do
    event=$(printf '%s\n' "$line" | sed -n "s/$pattern/{\"user\": \"\2\", \"saddr\": \"\3\", \"sport\": \4}/p")
    if [ -n "$event" ]; then
        printf '%s' "$event" | hpfeeds publish -c "$channel" - >/dev/null || true
    fi
done
