# SPDX-License-Identifier: Apache-2.0
import hpfeeds

client = hpfeeds.new(
    'localhost',
    10000,
    'ident',
    'secret',
    reconnect=False,
)
