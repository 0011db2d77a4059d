# SPDX-License-Identifier: Apache-2.0
"""Nothing is left behind: objects and descriptors are counted over many rounds of use and misuse."""
from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys

import pytest
import scripted_broker
from scripted_broker import ScriptedBroker

import hpfeeds
from hpfeeds import protocol
from hpfeeds._native import Machine
from hpfeeds.asyncio import ClientSession


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def resident_kib():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4


def grows(call, rounds=20, warm_up=5):
    """How many objects, blocks of memory and descriptors each round adds, in the end."""
    for _ in range(warm_up):
        call()
    gc.collect()
    before = (len(gc.get_objects()), sys.getallocatedblocks(), descriptors())
    for _ in range(rounds):
        call()
    gc.collect()
    after = (len(gc.get_objects()), sys.getallocatedblocks(), descriptors())
    return [(late - early) / rounds for early, late in zip(before, after)]


def assert_no_growth(growth, blocks=2):
    # A cache of the interpreter may fill now and then; a leak adds something every round.
    assert growth[0] < 1 and growth[1] < blocks and growth[2] == 0, growth


# The lines that the broker of a test logs, and which its fixture keeps.
LOG_BLOCKS = 12


@pytest.fixture(autouse=True)
def no_log_that_pytest_keeps():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def misuse_the_protocol():
    for call in (
        lambda: protocol.msgpublish("x" * 256, "c", b""), lambda: protocol.msgpublish(None, "c", b""),
        lambda: protocol.msgpublish("\ud800", "c", b""), lambda: protocol.readpublish(b"\x05a"),
        lambda: protocol.readpublish(b"\x01\xff\x01c"), lambda: protocol.readpublish(b"\x01i\x01\xff"),
        lambda: protocol.readinfo("text"), lambda: protocol.hashsecret("text", "s"), lambda: protocol.msghdr(256, b""),
        lambda: Machine("i" * 256, "s", 1), lambda: Machine(None, "s", 1), lambda: Machine("i", "s", 10).frame("c", b"12"),
        lambda: Machine("i", "s", 10).receive(None),
    ):
        with pytest.raises((TypeError, ValueError, protocol.ProtocolException)):
            call()


def use_the_protocol():
    unpacker = protocol.Unpacker()
    for _ in range(100):
        unpacker.feed(protocol.msgpublish("i", "c", os.urandom(100)))
    assert [protocol.readpublish(body)[:2] for _, body in unpacker] == [("i", "c")] * 100
    for broken in (b"\x00\x00\x00\x05\x09", b"\x00\x00\x00\x00\x03", b"\x00\xff\x00\x00\x03"):
        unpacker.reset()
        unpacker.feed(broken)
        with pytest.raises(protocol.ProtocolException):
            list(unpacker)
    machine = Machine("i", "s", 1 << 20)
    machine.receive(protocol.msginfo("n", b"rand"))
    machine.take_output()
    machine.receive(protocol.msgpublish("i", "c", bytes(100)) * 100 + b"\x00")
    machine.receive(b"\x00\x00\x00\x03")
    machine.reset()


@pytest.mark.parametrize("call", [misuse_the_protocol, use_the_protocol])
def test_the_native_module(call):
    assert_no_growth(grows(call, rounds=200))


def test_memory_of_large_frames_is_given_back():
    def burst():
        unpacker = protocol.Unpacker()
        machine = Machine("i", "s", 1 << 24)
        machine.receive(protocol.msginfo("n", b"rand"))
        frame = protocol.msgpublish("i", "c", bytes(1_000_000))
        for at in range(0, len(frame), 100_000):
            unpacker.feed(frame[at:at + 100_000])
            machine.receive(frame[at:at + 100_000])
        list(unpacker)

    for _ in range(10):
        burst()
    before = resident_kib()
    for _ in range(200):
        burst()
    assert resident_kib() - before < 20_000


def test_the_blocking_client(broker):
    def call():
        client = hpfeeds.new(broker.host, broker.port, "ident", "secret")
        client.subscribe("test")
        client.publish("test", b"x")
        client.read(60)
        client.close()

    assert_no_growth(grows(call), LOG_BLOCKS)


def test_the_blocking_client_forgotten_without_close(broker):
    def call():
        hpfeeds.new(broker.host, broker.port, "ident", "secret").publish("test", b"x")

    assert_no_growth(grows(call), LOG_BLOCKS)


@pytest.mark.parametrize("step", scripted_broker.STEPS)
def test_the_blocking_client_with_brokers_that_go_away(step):
    def call():
        try:
            client = hpfeeds.new(broker.host, broker.port, "ident", "secret", reconnect=False)
            client.subscribe("test")
            client.run(print, print)
        except (hpfeeds.FeedException, hpfeeds.Disconnect):
            pass

    # The scripted broker lives in this process too: its last connection may still be open.
    with ScriptedBroker(step) as broker:
        growth = grows(call, rounds=30)
    assert growth[0] < 3 and growth[2] < 0.2, growth


def test_the_asyncio_session(broker):
    async def use():
        async with ClientSession(broker.host, broker.port, "ident", "secret") as client:
            client.subscribe("test")
            client.publish("test", b"x")
            await client.read()

    async def leave_early():
        reading = asyncio.ensure_future(ClientSession(broker.host, broker.port, "ident", "wrong").read())
        await asyncio.sleep(0)
        reading.cancel()

    def call():
        asyncio.run(use())
        asyncio.run(leave_early())

    assert_no_growth(grows(call), LOG_BLOCKS)
