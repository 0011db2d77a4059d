# SPDX-License-Identifier: Apache-2.0
import hpfeeds

def main():
    client = hpfeeds.new('localhost', 10000, 'ident', 'secret')
    client.publish('channel', b'payload')
    client.close()

main()
