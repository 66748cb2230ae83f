"""The stub resolver against hostile neighbours: whatever they send, a question ends when its time is over."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._names import dns
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.dns import Configuration, DnsError, addresses_of

NAME = "git.example.org"
TIMEOUT = 0.3  # seconds for a question to a server
PATIENCE = 5.0  # seconds for which a neighbour goes on
TRUNCATED, NO_SUCH_NAME = 0x8380, 0x8183


@contextmanager
def neighbour(address, datagrams, stream=None):
    """Have a server at an address: it gets each query, and a way to answer and to wait, until the block ends."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    over = threading.Event()
    with socket.socket(family, socket.SOCK_DGRAM) as udp, socket.socket(family) as tcp:
        udp.bind((address, 0))
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind((address, udp.getsockname()[1]))
        tcp.listen()
        udp.settimeout(0.05)
        tcp.settimeout(0.05)
        servers = [threading.Thread(target=serve_datagrams, args=(udp, datagrams, over))]
        servers += [threading.Thread(target=serve_stream, args=(tcp, stream, over))] if stream else []
        for server in servers:
            server.start()
        yield udp.getsockname()[1]
        over.set()
        for server in servers:
            server.join()


def serve_datagrams(udp, datagrams, over):
    while not over.is_set():
        with suppress(socket.timeout):
            query, client = udp.recvfrom(512)
            datagrams(query, lambda message, client=client: udp.sendto(message, client), over.wait)


def serve_stream(tcp, stream, over):
    while not over.is_set():
        with suppress(OSError):
            connection = tcp.accept()[0]
            with connection:
                stream(connection, over.wait)


def reply(query, flags):
    return query[:2] + struct.pack("!5H", flags, 1, 0, 0, 0) + query[12:]


def bogus(_query, send, wait):
    """Send a datagram that answers nothing, ten times a second."""
    for _number in range(int(PATIENCE * 10)):
        send(b"bogus")
        if wait(0.1):
            return


def truncated(query, send, _wait):
    send(reply(query, TRUNCATED))


def byte_by_byte(connection, wait):
    """Send a long answer a byte at a time, ten a second."""
    connection.recv(512)
    for byte in struct.pack("!H", 60000) + b"x" * int(PATIENCE * 10):
        connection.send(bytes([byte]))
        if wait(0.1):
            return


def slowly_nothing(query, send, wait):
    if not wait(TIMEOUT * 0.7):
        send(reply(query, NO_SUCH_NAME))


def seconds_until_no_answer(monkeypatch, port, message, **configuration):
    monkeypatch.setattr(dns, "PORT", port)
    begun = time.monotonic()
    with pytest.raises(DnsError, match=message):
        addresses_of(NAME, Configuration(timeout=TIMEOUT, **configuration))
    return time.monotonic() - begun


each_family = pytest.mark.parametrize("address", ["127.0.0.1", "::1"])


@each_family
@pytest.mark.parametrize(("datagrams", "stream"), [(bogus, None), (truncated, byte_by_byte)], ids=["UDP", "TCP"])
def test_a_question_ends_in_time_whatever_a_server_sends_instead_of_an_answer(monkeypatch, address, datagrams, stream):
    with neighbour(address, datagrams, stream) as port:
        took = seconds_until_no_answer(monkeypatch, port, "timed out", servers=(address,), attempts=1)

    assert 2 * TIMEOUT <= took < 2 * TIMEOUT + 0.5  # a question for each family


def test_a_question_ends_in_time_however_many_servers_and_attempts_there_are(monkeypatch):
    monkeypatch.setattr(dns, "_LONGEST_QUESTION", 0.4)
    with neighbour("127.0.0.1", bogus) as port:
        took = seconds_until_no_answer(monkeypatch, port, "timed out", servers=("127.0.0.1",) * 3, attempts=5)

    assert took < 1.3


def test_a_name_ends_in_time_however_many_domains_there_are_to_search(monkeypatch):
    monkeypatch.setattr(dns, "_LONGEST_NAME", 0.5)
    how = {"attempts": 1, "search": tuple(f"domain{number}.example.org" for number in range(12))}
    with neighbour("127.0.0.1", slowly_nothing) as port:
        took = seconds_until_no_answer(monkeypatch, port, "timed out", servers=("127.0.0.1",), **how)

    assert took < 1


def test_a_server_that_is_a_name_is_not_asked_for(monkeypatch):
    monkeypatch.setattr(dns, "PORT", 9)

    assert seconds_until_no_answer(monkeypatch, 9, "localhost: Name or service not known", servers=("localhost",)) < 0.2
