#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verify_units.sh ROOT BROKER: systemd finds no fault with the units, they are as closed as we promise, and what they
# say of the broker is true. Ends with 77 where there is no systemd-analyze.
set -euo pipefail
command -v systemd-analyze >/dev/null || { echo "no systemd-analyze here"; exit 77; }
units=$1/packaging/systemd
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "verify_units.sh: $1" >&2
    exit 1
}

# verify wants the program to be there; this machine has it elsewhere.
sed "s|/usr/bin/hpfeeds-broker|$2|" "$units/hpfeeds-broker.service" >"$work/hpfeeds-broker.service"
cp "$units/hpfeeds-broker.socket" "$work/"
said=$(systemd-analyze verify --man=no --recursive-errors=no "$work"/hpfeeds-broker.{service,socket} 2>&1 |
    grep hpfeeds-broker || true)
[[ -z $said ]] || fail "$said"
# The check itself is checked: it finds a word that systemd does not know.
echo 'Frobnicate=yes' >>"$work/hpfeeds-broker.socket"
said=$(systemd-analyze verify --man=no --recursive-errors=no "$work/hpfeeds-broker.socket" 2>&1 || true)
[[ $said == *Frobnicate* ]] || fail "a mistake in a unit is not found"

# Exposure at most 2.0 of 10.
systemd-analyze security --offline=yes --threshold=20 "$work/hpfeeds-broker.service" >"$work/security" 2>&1 ||
    { cat "$work/security"; fail "the unit is more open than 2.0"; }

setting() { sed -n "s/^$2=//p" "$units/hpfeeds-broker.$1"; }
[[ $(setting service Type) == notify ]] || fail "the unit does not wait for READY=1"
[[ -n $(setting service WatchdogSec) ]] || fail "the unit has no watchdog"
[[ $(setting service ExecReload) == "/bin/kill -HUP \$MAINPID" ]] || fail "the unit cannot reload"
# The port that the package's configuration gives away must be the socket's.
grep -q "port=$(setting socket ListenStream)\"" "$units/broker.toml" || fail "the socket has another port"
# That configuration is one, and the unit's environment names the place where the package puts it.
cp "$units/broker.toml" "$work/"
said=$(cd "$work" && "$2" --print-config --config broker.toml 2>&1) || fail "$said"
# shellcheck disable=SC1091  # the package's own file
(. "$units/hpfeeds-broker.default" && grep -qx "$HPFEEDS_BROKER_CONFIG" "$1/packaging/debian/conffiles" &&
    [[ -z $HPFEEDS_BROKER_OPTIONS ]]) || fail "/etc/default names no configuration of the package"
echo "the units are right"
