# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What to write in place of a text that is no port: the forms that other tools have, and names."""

from __future__ import annotations

import re

_SWAPPED = re.compile(r"([a-z]+)/([\d-]+)", re.ASCII)
_ALONE = re.compile(r"\d{1,5}(?:-\d{1,5})?", re.ASCII)
_COLON = re.compile(r"(\d{1,5}):(\d{1,5})(/[a-z+]+)?", re.ASCII)
_LISTED = re.compile(r"(\d{1,5}(?:-\d{1,5})?(?:, ?\d{1,5}(?:-\d{1,5})?)+)/([a-z+]+)", re.ASCII)
_PORTS_AND_PROTOCOL = re.compile(r"\d{1,5}(?:-\d{1,5})?/[a-z+]+", re.ASCII)
_ICMP = re.compile(r"(?:[\w-]+/)?(?:icmp|icmpv6|ipv6-icmp|ping)", re.ASCII)

# https://www.iana.org/assignments/service-names-port-numbers, those that models name most.
_SERVICES = {
    "dns": "53/tcp+udp",
    "domain": "53/tcp+udp",
    "http": "80/tcp",
    "https": "443/tcp",
    "imaps": "993/tcp",
    "ldap": "389/tcp",
    "ldaps": "636/tcp",
    "mysql": "3306/tcp",
    "nfs": "2049/tcp",
    "ntp": "123/udp",
    "postgresql": "5432/tcp",
    "redis": "6379/tcp",
    "smtp": "25/tcp",
    "snmp": "161/udp",
    "ssh": "22/tcp",
    "syslog": "514/udp",
}
_WITHOUT_PORTS = ("ah", "esp", "gre", "igmp", "ipip", "ospf", "vrrp")


def port_hint(value: object) -> str:
    """Return what may be meant by something that is no port; an empty text where that can't be told."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535:
        return f'did you mean "{value}/tcp"?'
    if not isinstance(value, str):
        return ""
    text = value.strip().lower()
    if text in ("any", "all", "*", "everything"):
        return 'did you mean "all"?'
    if text in _SERVICES:
        return f'did you mean "{_SERVICES[text]}"? Names of gatehouse_services belong in services'
    if text in _WITHOUT_PORTS:
        return 'a protocol without ports passes with "all" alone'
    if _ICMP.fullmatch(text):
        return "errors always pass, and echo requests by gatehouse_echo_request"
    return _other_form(text)


def _other_form(text: str) -> str:
    swapped, colon, listed = (form.fullmatch(text) for form in (_SWAPPED, _COLON, _LISTED))
    if swapped:
        return f'did you mean "{swapped[2]}/{swapped[1]}"?'
    if colon:
        return f'did you mean "{colon[1]}-{colon[2]}{colon[3] or "/tcp"}"?'
    if listed:
        entries = ", ".join(f'"{part.strip()}/{listed[2]}"' for part in listed[1].split(","))
        return f"did you mean the entries {entries}?"
    if _ALONE.fullmatch(text):
        return f'did you mean "{text}/tcp"?'
    return f'did you mean "{text}"?' if _PORTS_AND_PROTOCOL.fullmatch(text) else ""
