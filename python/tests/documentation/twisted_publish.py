# SPDX-License-Identifier: Apache-2.0
from twisted.internet import defer
from twisted.internet.task import react
from hpfeeds.twisted import ClientSessionService

@defer.inlineCallbacks
def main(reactor):
    client = ClientSessionService('localhost', 20000, 'ident', 'secret')
    client.startService()
    yield client.whenConnected

    client.publish('channel', b'{"data": "fefefefefefef"}')

    yield client.stopService()

react(main)
