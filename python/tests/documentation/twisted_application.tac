# SPDX-License-Identifier: Apache-2.0
from twisted.application import service
from hpfeeds.twisted import ClientSessionService

application = service.Application('my-application')

client = ClientSessionService('localhost', 20000, 'ident', 'secret')
client.setServiceParent(application)
