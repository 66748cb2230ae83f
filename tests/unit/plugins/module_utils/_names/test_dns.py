"""The stub resolver against a server of the test's own, which answers as it is told: also as no honest server would."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._names import dns
from ansible_collections.gatehouse.firewall.plugins.module_utils._names.dns import (
    AAAA,
    CNAME,
    A,
    Answer,
    Configuration,
    DnsError,
    NoSuchNameError,
    addresses_of,
)

NAME = "git.example.org"
V4 = socket.inet_aton("198.51.100.7")
V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::7")
REFUSED, NO_SUCH_NAME, TRUNCATED = 5, 3, 0x0200


def encoded(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def record(owner, kind, data, ttl=300):
    return encoded(owner) + struct.pack("!2HIH", kind, 1, ttl, len(data)) + data


def reply(query, *records, flags=0x8180):
    return query[:2] + struct.pack("!5H", flags, 1, len(records), 0, 0) + query[12:] + b"".join(records)


def kind_of(query):
    return struct.unpack("!H", query[-4:-2])[0]


def honest(query):
    """Answer with an address of each family."""
    return reply(query, record(NAME, A, V4) if kind_of(query) == A else record(NAME, AAAA, V6, 60))


class Server:
    """``answer`` returns the datagrams for a query, one, several, or none; ``over_tcp`` the bytes of a stream."""

    def __init__(self, answer, over_tcp):
        self._answer, self._over_tcp = answer, over_tcp
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", 0))
        self.port = self._udp.getsockname()[1]
        self._tcp = socket.create_server(("127.0.0.1", self.port))
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._serve, args=args) for args in self._tasks()]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return Configuration(servers=("127.0.0.1",), timeout=0.3, attempts=1)

    def __exit__(self, *_error):
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._udp.close()
        self._tcp.close()

    def _tasks(self):
        return [(self._udp, self._datagram), (self._tcp, self._stream)]

    def _serve(self, sock, task):
        sock.settimeout(0.1)
        while not self._over.is_set():
            with suppress(socket.timeout):
                task()

    def _datagram(self):
        query, client = self._udp.recvfrom(512)
        replies = self._answer(query)
        for one in [replies] if isinstance(replies, bytes) else replies or []:
            self._udp.sendto(one, client)

    def _stream(self):
        connection = self._tcp.accept()[0]
        with connection:
            connection.sendall(self._over_tcp(connection.recv(512)[2:]))


@pytest.fixture
def server(monkeypatch):
    def started(answer, over_tcp=None):
        found = Server(answer, over_tcp)
        monkeypatch.setattr(dns, "PORT", found.port)
        return found

    return started


def test_a_name_has_the_addresses_of_both_families_for_the_shorter_time(server):
    with server(honest) as configuration:
        assert addresses_of(NAME, configuration) == Answer(("198.51.100.7", "2001:db8::7"), 60)
        assert addresses_of("GIT.example.org.", configuration).ttl == 60


def test_an_alias_counts_for_as_long_as_the_shortest_of_its_chain(server):
    def aliased(query):
        chain = [
            record(NAME, CNAME, encoded("a.example.net"), 40),
            record("a.example.net", CNAME, encoded("b.example.net"), 9),
        ]
        return reply(query, *chain, *([record("b.example.net", A, V4)] if kind_of(query) == A else []))

    with server(aliased) as configuration:
        assert addresses_of(NAME, configuration) == Answer(("198.51.100.7",), 9)


def test_compressed_names_are_read(server):
    def compressed(query):
        return (
            reply(query, b"\xc0\x0c" + struct.pack("!2HIH", A, 1, 5, 4) + V4) if kind_of(query) == A else reply(query)
        )

    with server(compressed) as configuration:
        assert addresses_of(NAME, configuration) == Answer(("198.51.100.7",), 5)


def test_addresses_of_other_names_are_not_taken(server):
    def other(query):
        return reply(query, record("other.example.org", kind_of(query), V4))

    with server(other) as configuration, pytest.raises(NoSuchNameError, match="has no address"):
        addresses_of(NAME, configuration)


@pytest.mark.parametrize("flags", [0x8180 | NO_SUCH_NAME, 0x8180])
def test_a_name_that_does_not_exist_or_has_no_address_is_no_such_name(server, flags):
    with server(lambda query: reply(query, flags=flags)) as configuration, pytest.raises(NoSuchNameError):
        addresses_of(NAME, configuration)


def test_a_family_of_which_nothing_is_known_is_told(server):
    def half(query):
        return honest(query) if kind_of(query) == A else reply(query, flags=0x8180 | REFUSED)

    with server(half) as configuration:
        found = addresses_of(NAME, configuration)
    assert (found.addresses, found.unanswered) == (("198.51.100.7",), {6: "127.0.0.1: it refused, with code 5"})


def test_an_answer_that_does_not_fit_is_asked_for_over_tcp(server):
    many = [record(NAME, A, socket.inet_aton(f"198.51.100.{number}")) for number in range(100)]

    def whole(query):
        message = reply(query, *many) if kind_of(query) == A else reply(query)
        return struct.pack("!H", len(message)) + message

    with server(lambda query: reply(query, flags=0x8180 | TRUNCATED), whole) as configuration:
        assert len(addresses_of(NAME, configuration).addresses) == 100


def test_a_stream_that_ends_early_is_no_answer(server):
    def truncated(query):
        return reply(query, flags=0x8180 | TRUNCATED)

    with server(truncated, lambda _query: b"\x01\x00short") as found, pytest.raises(DnsError, match="it hung up"):
        addresses_of(NAME, found)


@pytest.mark.parametrize(
    "forged",
    [
        lambda query: bytes([query[0] ^ 1]) + honest(query)[1:],
        lambda query: query,
        lambda query: reply(query[:12] + encoded("bad.example.org") + query[-4:], record(NAME, A, V4)),
        lambda query: query[:7],
        lambda _query: b"",
    ],
    ids=["another number", "no response", "another question", "cut off", "empty"],
)
def test_datagrams_that_answer_something_else_are_passed_over(server, forged):
    with server(lambda query: [forged(query), honest(query)]) as configuration:
        assert addresses_of(NAME, configuration).addresses == ("198.51.100.7", "2001:db8::7")


@pytest.mark.parametrize(
    "broken",
    [
        lambda query: reply(query, b"\xc0\xff"),
        lambda query: reply(query, b"\xc0\x0c" + struct.pack("!2HIH", A, 1, 5, 400) + V4),
        lambda query: reply(query, record(NAME, kind_of(query), b"\x01")),
        lambda query: reply(query, bytes([0xC0, len(query)]) + b"\0" * 10),
        lambda query: reply(query, b"\x05git"),
        lambda query: reply(query, b"\x02\xff\xff\0" + b"\0" * 10),
    ],
    ids=["a pointer to nowhere", "too long", "too short an address", "a pointer to itself", "cut off", "no ASCII"],
)
def test_an_answer_that_cannot_be_read_is_no_answer(server, broken):
    with server(broken) as configuration, pytest.raises(DnsError, match="its answer"):
        addresses_of(NAME, configuration)


def test_aliases_in_a_circle_end(server):
    circle = [record(NAME, CNAME, encoded("a.example.org")), record("a.example.org", CNAME, encoded(NAME))]
    with server(lambda query: reply(query, *circle)) as configuration, pytest.raises(NoSuchNameError):
        addresses_of(NAME, configuration)


def test_silence_is_no_answer(server):
    with server(lambda _query: None) as configuration, pytest.raises(DnsError, match="timed out"):
        addresses_of(NAME, configuration)


def test_the_next_server_is_asked_where_one_does_not_answer(server):
    with server(honest) as configuration:
        both = Configuration(servers=("127.0.0.9", "127.0.0.1"), timeout=0.3, attempts=1)
        assert addresses_of(NAME, both) == addresses_of(NAME, configuration)


@pytest.mark.parametrize(
    ("name", "ndots", "asked"),
    [
        ("git", 1, ["git.example.net", "git.example.com", "git"]),
        ("git.example.org", 1, ["git.example.org", "git.example.org.example.net", "git.example.org.example.com"]),
        ("git.example.org", 3, ["git.example.org.example.net", "git.example.org.example.com", "git.example.org"]),
        ("git.example.org.", 3, ["git.example.org"]),
    ],
)
def test_names_are_searched_for_as_resolv_conf_says(server, name, ndots, asked):
    seen = []

    def nothing(query):
        labels, place = [], 12
        while query[place]:
            labels.append(query[place + 1 : place + 1 + query[place]].decode())
            place += 1 + query[place]
        seen.append(".".join(labels))
        return reply(query, flags=0x8180 | NO_SUCH_NAME)

    with server(nothing) as found:
        configuration = Configuration(found.servers, ("example.net", "example.com"), ndots, found.timeout, 1)
        with pytest.raises(NoSuchNameError):
            addresses_of(name, configuration)
    assert seen == asked


def test_hosts_come_before_servers(tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text(
        "# nothing\n198.51.100.7 Git.example.org git # both\n2001:db8::7%eth0 git.example.org\nnonsense x\n"
    )
    found = Configuration.read(tmp_path / "none", hosts)

    assert addresses_of("git.example.org.", found) == Answer(("198.51.100.7", "2001:db8::7"), 0)


def test_resolv_conf_is_read(tmp_path):
    file = tmp_path / "resolv.conf"
    file.write_text(
        "# comment\nnameserver 192.0.2.1\nnameserver 2001:db8::1 ; x\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n"
        "domain example.net\nsearch example.org example.com\noptions ndots:2 timeout:3 attempts:99 rotate ndots:x\n"
    )
    found = Configuration.read(file, tmp_path / "none")

    assert found == Configuration(
        ("192.0.2.1", "2001:db8::1", "192.0.2.3"), ("example.org", "example.com"), 2, 3, 5, {}
    )
    assert Configuration.read(tmp_path / "none", tmp_path / "none") == Configuration()


@pytest.mark.parametrize(
    "configuration", [Configuration(("no server",), attempts=1), Configuration((), ("m\u00fcnchen",), 9)]
)
def test_nonsense_in_resolv_conf_is_no_answer(configuration):
    with pytest.raises(DnsError):
        addresses_of("git.example.org", configuration)
