#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tls-broker.sh: a broker with TLS on this machine, its certificate of our own making, and a key for a sensor and a logger.
#
#   ./tls-broker.sh
#   hpfeeds subscribe --host localhost -p 10000 --tlscert broker.crt -i logger -s logger-secret -c demo
#   hpfeeds publish   --host localhost -p 10000 --tlscert broker.crt -i sensor -s sensor-secret -c demo "hello"
#
# Run the first half again while the broker runs: it takes the new certificate over by itself.
set -eu
umask 077
openssl req -x509 -newkey rsa:2048 -keyout broker.key -nodes -out broker.crt -sha256 -days 1000 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
export HPFEEDS_SENSOR_SECRET=sensor-secret HPFEEDS_SENSOR_PUBCHANS=demo
export HPFEEDS_LOGGER_SECRET=logger-secret HPFEEDS_LOGGER_SUBCHANS=demo
exec hpfeeds-broker -e tls:interface=127.0.0.1:port=10000:key=broker.key:cert=broker.crt --auth env
