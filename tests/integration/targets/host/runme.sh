#!/usr/bin/env bash
# SPDX-FileCopyrightText: gatehouse.firewall contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# The shipped playbooks that change a host, on this machine: observe, enforce, nothing to do, audit, denials, remove.
set -euo pipefail

play() { ansible-playbook -i inventory.yml "gatehouse.firewall.$1" "${@:2}"; }
unchanged() { play "$@" | tee "$out/said" && grep -Eq '^this .* changed=0 .* failed=0' "$out/said"; }
not() { # `! command` would end nothing
    if "$@"; then
        echo "unexpected: $*" >&2
        exit 1
    fi
}
out=$(mktemp -d)
trap 'rm -rf "$out"; play remove >/dev/null' EXIT

play harden -e gatehouse_mode=observe
nft list table inet gatehouse >/dev/null
[[ -s /etc/gatehouse/ruleset.nft ]]

play plan -e gatehouse_mode=enforce
play harden -e gatehouse_mode=enforce -e gatehouse_accept_observed=true
unchanged harden
play refresh
unchanged audit
unchanged denied

# What was added by hand is found, and goes.
nft add rule inet gatehouse input tcp dport 9 accept
play audit | tee "$out/said"
grep -q 'added: input: tcp dport 9 accept' "$out/said"
play harden
not grep -q 'dport 9 accept' <(nft list chain inet gatehouse input)

play remove
not nft list table inet gatehouse
not test -e /etc/gatehouse
