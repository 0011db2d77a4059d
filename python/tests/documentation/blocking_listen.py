# SPDX-License-Identifier: Apache-2.0
import sys

import hpfeeds

def on_message(identifier, channel, payload):
    print(identifier, payload)

def on_error(payload):
    print(' -> errormessage from server: {0}'.format(payload), file=sys.stderr)
    hpc.stop()

def main():
    global hpc
    hpc = hpfeeds.new('localhost', 10000, 'ident', 'secret')

    hpc.subscribe('cowrie.sessions')
    hpc.run(on_message, on_error)
    hpc.close()

main()
