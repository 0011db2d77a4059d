# SPDX-License-Identifier: Apache-2.0
from twisted.internet import defer
from twisted.internet.task import react
from hpfeeds.twisted import ClientSessionService

@defer.inlineCallbacks
def main(reactor):
    client = ClientSessionService('localhost', 20000, 'ident', 'secret')

    # Start trying to connect to a broker
    client.startService()

    # Suspend execution of main until connection established
    yield client.whenConnected

    # Use API
    client.publish('...', b'...')

    # Disconnect from broker - pause execution of main() until disconnect completed
    yield client.stopService()

if __name__ == '__main__':
    react(main)
