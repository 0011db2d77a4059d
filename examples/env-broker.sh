#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# env-broker.sh: a broker on this machine alone, with one key from the environment; for containers and for trying out.
#
#   ./env-broker.sh
#   hpfeeds subscribe -p 20000 -i test -s change-me -c demo
set -eu
export HPFEEDS_TEST_SECRET=change-me
export HPFEEDS_TEST_PUBCHANS=demo,other
export HPFEEDS_TEST_SUBCHANS=demo
exec hpfeeds-broker -e tcp:interface=127.0.0.1:port=20000 --auth env
