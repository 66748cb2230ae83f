"""The lines that a rendered ruleset may consist of: where a text broke out of its place, there is another one."""

from __future__ import annotations

import re

_NAME = r"[A-Za-z][A-Za-z0-9_-]{0,63}"
_OTHER_SET = r"pre_dnat\.addresses(?:\.\d+)?|carries\.(?:networks|except)|denied\.known(?:\.networks)?"
_SET = rf"(?:{_NAME}(?:\.(?:private|public|at))?(?:\.names)?|{_OTHER_SET})\.v"
_ADDRESS = r"[0-9a-f.:]+(?:/\d{1,3})?"
_PORT_CHAIN = r"(?:in|out)put_(?:tcp|udp|sctp)_\d{1,5}"
_OBSERVED_CHAIN = r"observed_(?:input|(?:ingress|egress|spoofed|forward_in|forward_out)(?:_port)?)"
_DENIED_CHAIN = (
    r"(?:denied|kept)_(?:ingress|egress|pre_dnat|spoofed|forward_in|forward_out)(?:_(?:known|stranger|any)(?:_port)?)?"
)
_CARRIED_CHAIN = r"forward|carried(?:_in|_out|_between|_in_flows)?"
_MORE_CHAINS = rf"pre_dnat(?:_destinations|_ports(?:_\d+)?|_flows)?|antispoof|spoofed|{_CARRIED_CHAIN}"
_CHAIN = rf"(?:{_PORT_CHAIN}|(?:in|out)put(?:_icmp|_flows)?|{_MORE_CHAINS}|{_OBSERVED_CHAIN}|{_DENIED_CHAIN})"
_OBSERVED_SET = r"observed\.(?:in|out|src|fwi|fwo)\.(?:first|last)\.v[46]"
_DENIED_SET = r"denied\.(?:in|out|pre|src|fwi|fwo)\.(?:known|stranger|any)\.(?:first|last)\.v[46]"
_RANGE = r"\d{1,5}(?:-\d{1,5})?"
_RANGES = rf"\{{ {_RANGE}(?:, {_RANGE})* \}}"
_WITH_PORTS = r"meta l4proto (?:tcp|udp|sctp)"
_INTERFACE_PATTERN = r'"[A-Za-z0-9_.:@-]{1,14}(?:[A-Za-z0-9_.:@-]|\*)"'
_INTERFACE = r'"[A-Za-z0-9_.:@-]{1,15}"'
_DHCP4 = r"(?:meta nfproto ipv4|ip daddr 255\.255\.255\.255) udp sport \d+ udp dport \d+(?: fib daddr type local)?"
_DHCP6_OUT = r"ip6 daddr (?:fe80::/10|ff02::1:2) udp sport 546 udp dport 547"

_NAMES = rf"\{{ {_INTERFACE}(?:, {_INTERFACE})* \}}"
_INTERFACES = rf"(?:[io]ifname {_NAMES} )?"
_PEER = rf"(?:meta nfproto ipv[46] |ip [sd]addr @{_SET}4 |ip6 [sd]addr @{_SET}6 )?"
_AT = rf"(?:ct (?:original|state untracked) (?:ip daddr @{_SET}4|ip6 daddr @{_SET}6) )?"
_KEY = r"(?:ip6? [sd]addr \. )?meta l4proto \. (?:0|th dport|ct original proto-dst)(?: counter)?"
_LOG = rf'limit rate 100/minute burst 100 packets log prefix "gatehouse {_NAME}: "(?: group \d+)?'
_ASKED_FOR = r"meta l4proto (?:tcp|udp|sctp) {}ct original proto-dst"
_GOTO, _JUMP = (rf"{_RANGE} : {how} {_PORT_CHAIN}" for how in ("goto", "jump"))

_BEGINS_NOTHING = r"tcp flags & \(fin \| syn \| rst \| ack\) != syn"
_REFUSALS = r"limit rate 100/second burst 50 packets"

_LINES = (
    "",
    rf"# gatehouse\.firewall, node class(?:es)? {_NAME}(?:, {_NAME})*\. Generated: edits are lost at the next run\.",
    r"#: (?:ingress|egress|flow|judged|nothing|carried:) [^\r\n]*",
    r"#: the (?:private|public) side is [A-Za-z0-9_.:@-]{1,15}(?:, [A-Za-z0-9_.:@-]{1,15})*",
    r"#: no echo requests \(ping\), but where a flow has all ports",
    r"#: what is denied to (?:come in|go out|be carried out) is [a-z ,]+ \(deny: [a-z]+: (?:drop|reject)\)",
    r"#: loaded again within two minutes where all of it was flushed \(self_heal\)",
    r"#: no DHCP, but where a flow has its ports",
    r"#: mode: observe(?:, nothing| of [a-z]{6,7}, where nothing) is blocked, and what no flow allows is counted",
    r'# gatehouse: \{"carries":(?:true|false),"describes":\[[ -~]*\],"format":1,[ -~]*\}',
    r"(?:delete )?table inet gatehouse",
    r"table inet gatehouse \{",
    r"\t{0,2}\}",
    rf"\tset {_SET}[46] \{{",
    r"\t\ttype ipv[46]_addr",
    r"\t\tflags interval",
    r"\t\telements = \{",
    rf"\t\t\t{_ADDRESS},",
    rf"\tchain {_CHAIN} \{{",
    r"\t\ttype filter hook (?:input|output) priority filter - 10; policy drop;",
    r'\t\t[io]if "lo" accept',
    r"\t\tct state (?:established|related|related tcp flags rst) accept",
    r"\t\tmeta l4proto (?:icmp|ipv6-icmp) jump (?:in|out)put_icmp",
    r'\t\tct state invalid counter drop comment "invalid: belongs to no connection"',
    rf"\t\t(?:{_DHCP4}|ip6 saddr fe80::/10 ip6 daddr fe80::/10 udp dport 546|{_DHCP6_OUT}) accept",
    r"\t\tip ttl 1 ip protocol igmp ip daddr 224\.0\.0\.0/4 accept",
    r"\t\ticmp(?:v6)? type \{ [a-z0-9-]+(?:, [a-z0-9-]+)* \} accept",
    r"\t\tjump (?:input_flows|output_flows|pre_dnat_destinations|antispoof)",
    rf"\t\t(?:tcp|udp|sctp) dport vmap \{{ {_GOTO}(?:, {_GOTO})* \}}",
    rf"\t\t{_ASKED_FOR.format('ct status dnat ')} vmap \{{ {_JUMP}(?:, {_JUMP})* \}}",
    rf"\t\t{_ASKED_FOR.format('')} vmap \{{ {_GOTO}(?:, {_GOTO})* \}}",
    r'\t\tcounter drop comment "denied: no flow allows it"',
    rf"\t\t{_BEGINS_NOTHING} (?:counter drop|accept) comment \"invalid: of a connection that is no longer tracked\"",
    r'\t\tmeta l4proto tcp counter reject with tcp reset comment "denied: no flow allows it"',
    rf'\t\t(?:{_REFUSALS} )?counter reject with icmpx type admin-prohibited comment "denied: no flow allows it"',
    r"\t\ttype filter hook prerouting priority dstnat - 20; policy accept;",
    rf"\t\tiifname != {_NAMES} accept",
    rf"\t\t{_INTERFACES}{_PEER}(?:goto pre_dnat_ports|jump pre_dnat_ports(?:_\d+)?)",
    (
        rf"\t\t{_INTERFACES}fib daddr type \{{ local, broadcast, multicast \}} "
        r"(?:goto pre_dnat_ports|jump pre_dnat_ports(?:_\d+)?)"
    ),
    rf"\t\t(?:tcp|udp|sctp) dport \{{ {_RANGE}(?:, {_RANGE})* \}} goto pre_dnat_flows",
    r'\t\tcounter drop comment "denied before DNAT: no flow allows it"',
    r"\t\ttype filter hook forward priority filter - 10; policy accept;",
    r"\t\tgoto carried",
    rf"\t\t[io]ifname {_INTERFACE_PATTERN} goto carried_(?:in|out|between)",
    rf"\t\t(?:{_PEER}){{1,2}}goto carried_(?:in|out|between)",
    r"\t\tjump carried_in_flows",
    (
        rf"\t\t(?:meta l4proto tcp |{_REFUSALS} )?counter "
        r"(?:drop|reject with (?:tcp reset|icmpx type admin-prohibited)) "
        r'comment "denied where it is forwarded: no flow allows it"'
    ),
    rf'\t\t{_PEER}return comment "isolated:{_NAME}"',
    rf"\tset (?:{_OBSERVED_SET}|{_DENIED_SET}) \{{",
    r"\t\ttype (?:ipv[46]_addr \. )?inet_proto \. inet_service; size \d+; flags dynamic,timeout; timeout \d+s;",
    r"\t\tfib saddr type local return",
    rf"\t\t{_PEER}(?:jump|goto) {_DENIED_CHAIN}",
    rf"\t\tmeta l4proto \{{ tcp, udp, sctp \}} goto {_DENIED_CHAIN}",
    rf"\t\t(?:{_WITH_PORTS} )?{_PEER}(?:add|update) @{_DENIED_SET} \{{ {_KEY} \}}(?: return)?",
    (
        r"\t\tlimit rate \d{1,5}/(?:second|minute|hour|day) burst 5 packets "
        r'log prefix "gatehouse denied (?:in|out|pre|src|fwi|fwo): "(?: group \d+)?'
    ),
    r"\t\ttype filter hook (?:input|output) priority filter - 10; policy accept;",
    r"\t\tct state invalid accept",
    rf"\t\t{_PEER}(?:jump|goto) {_OBSERVED_CHAIN}",
    rf'\t\t{_INTERFACES}{_WITH_PORTS} ct original proto-dst {_RANGES} accept comment "counted before DNAT"',
    r'\t\tlimit rate 10/minute burst 5 packets log prefix "gatehouse observed (?:in|out|src|fwi|fwo): "',
    rf"\t\tmeta l4proto \{{ tcp, udp, sctp \}} goto {_OBSERVED_CHAIN}",
    rf"\t\t(?:{_WITH_PORTS} )?(?:add|update) @{_OBSERVED_SET} \{{ {_KEY} \}}",
    r"\t\t(?:fib saddr type local )?accept",
    rf"\t\tiifname {_INTERFACE} fib saddr \. mark oifname {_INTERFACE} goto spoofed",
    rf"\t\tiifname {_NAMES} fib saddr \. mark \. iif oif missing goto spoofed",
    rf"\t\t(?:ip saddr 0\.0\.0\.0|ip6 saddr ::|ip6 saddr fe80::/10|{_DHCP4}) return",
    r"\t\tmeta l4proto (?:icmp|ipv6-icmp) ct state related return",
    r'\t\tcounter drop comment "denied: spoofed source"',
    r"\t\treturn",
    rf'\t\t{_INTERFACES}{_PEER}{_AT}(?:{_LOG}|counter accept) comment "flow:{_NAME}"',
)
_LINE = re.compile("|".join(f"(?:{line})" for line in _LINES), re.ASCII)


def strange_lines(ruleset: str) -> list[str]:
    """Return the lines that no rendered ruleset has."""
    return [line for line in ruleset.split("\n") if not _LINE.fullmatch(line)]
