# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The script that brings a host's iptables and ipset to a ruleset: for the module, the boot unit and the rollback.

It needs a POSIX shell, an awk, and the tools themselves; the rollback may rely on nothing else.
"""

from __future__ import annotations

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.loader_lock import HOLD

LOADER = (
    r"""#!/bin/sh
# Written by gatehouse.firewall: edits are lost at the next run.
#
# sh load.sh RULESET [IPTABLES IP6TABLES IPSET [run | change CHANGE | back CHANGE | settle CHANGE]]
#
# Make our part of this host's rules what RULESET says: one file whose lines "#file: ipset", "#file: rules.v4" and
# "#file: rules.v6" begin its three parts, or what the names of three files begin with that end in .ipset and so on.
# An empty part means: none of ours. Each table of a family changes in one moment, or not at all and none after it. Both
# families are tried: IPv6 first, as it is more often the one refused, and less often the one a host is managed over.
#
# All that is part of a CHANGE is refused by the kernel once its rollback has begun, which first takes markers away: a
# rule in each table of each family that every transaction of the change deletes and puts back. The rollback waits for
# nothing. Sets know no transactions: a change fills new ones, and none that rules use.

ruleset=${1:?}
iptables=${2:-iptables}
ip6tables=${3:-ip6tables}
ipset=${4:-ipset}
role=${5:-boot}
change=${6:-}
marker="GATEHOUSE-ARMED -m comment --comment $change -j RETURN"
kept=
patience=10
temporary=gatehouse-new-$$
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin
LC_ALL=C
export PATH LC_ALL
failed=0
trap '' HUP PIPE # what we load may cut off the session that started us

say() {
    printf 'gatehouse: %s\n' "$*" >&2
    failed=1
}

part() {
    if [ -f "$ruleset" ]; then
        # No field is named: some awks take no line of more than 32767.
        awk -v begin="#file: $1" '/^#file: / { on = ($0 == begin); next } on' "$ruleset"
    elif [ -f "$ruleset.$1" ]; then
        cat "$ruleset.$1"
    fi
}

# Reads what is live, the line "#wanted", and a file. Writes the file, and into each table of it: before, a -D for each
# jump of ours from a built-in chain; after, what deletes those of our chains that the file lacks. One of them that a
# chain of others leads to is emptied, and stays.
merged() {
    awk -v marker="$kept" '
function begin(table) {
    print table jumps[table]
    if (marker) print "-D " marker
}
function end(table) {
    if (marker) print "-A " marker
    tidy(table)
}
function tidy(table, names, count, i) {
    count = split(live[table], names, " ")
    for (i = 1; i <= count; i++) if ((table, names[i]) in declared) names[i] = ""
    for (i = 1; i <= count; i++) if (names[i]) print "-F " names[i]
    for (i = 1; i <= count; i++) if (names[i] && !((table, names[i]) in held)) print "-X " names[i]
    delete live[table]
}
!wanted {
    if ($0 == "#wanted") wanted = 1
    else if (/^\*/) table = $0
    else if (marker && /^:GATEHOUSE-ARMED /) next
    else if (/^:GATEHOUSE-/) live[table] = live[table] " " substr($1, 2)
    else if (/^:/ && $2 != "-") builtin[table, substr($1, 2)] = 1
    else if (/^-A / && $2 !~ /^GATEHOUSE-/ && / -[jg] GATEHOUSE-[^ "]+$/) {
        if ((table, $2) in builtin) jumps[table] = jumps[table] "\n-D" substr($0, 3)
        else held[table, $NF] = 1
    }
    next
}
/^\*/ {
    table = $0
    begin(table)
    delete jumps[table]
    next
}
/^:/ { declared[table, substr($1, 2)] = 1 }
/^COMMIT/ { end(table) }
{ print }
END {
    for (table in live) names = names table "\n"
    count = split(names, left, "\n")
    for (i = 1; i < count; i++) {
        begin(left[i])
        end(left[i])
        print "COMMIT"
    }
}'
}

# Prints the tables that ours can be in. To ask the legacy variant for one that the kernel lacks would make it.
tables() { # IPTABLES NAMES
    case $("$1" -V) in
    *nf_tables*) printf '%s\n' filter mangle ;;
    *) grep -x -e filter -e mangle "/proc/net/$2" 2>/dev/null ;;
    esac
}

saved() { # IPTABLES NAMES
    code=0
    for table in $(tables "$1" "$2"); do
        "$1-save" -t "$table" || code=1
    done
    return "$code"
}

load() { # IPTABLES PART NAMES
    if ! live=$(saved "$1" "$3") || printf '%s\n' "$live" | grep -q '^# .* is incompatible'; then
        say "$1-save can't show all that is live: some of what was ours before may stay"
    fi
    if ! { wanted=$(part "$2") && wanted=$(printf '%s\n' "$wanted" | ended); }; then
        say "$2 was not loaded: it can't be read"
        return
    fi
    text=$(printf '%s\n' "$live" '#wanted' "$wanted" | merged) || {
        say "$2 was not loaded: awk failed"
        return
    }
    words=$(printf '%s\n' "$text" | "$1-restore" --noflush --wait "$patience" 2>&1) && return
    [ $? != 4 ] || ! impatient || { words=$(printf '%s\n' "$text" | "$1-restore" --noflush --wait 1 2>&1) && return; }
    number=$(printf '%s\n' "$words" | sed -n '/line:\{0,1\} [0-9]/{s/.*line:\{0,1\} \([0-9]*\).*/\1/p;q;}')
    say "$2 was not loaded: $words"
    [ -z "$number" ] || printf '%s\n' "$text" | sed -n "${number}s/^/line $number is: /p" >&2
}

# The legacy variant has a lock of its own, which a process that was stopped may hold. The rollback waits a second, and
# then takes another one: the kernel refuses the table that such a process has read, as it has changed since.
impatient() {
    [ "$role" = back ] || return 1
    XTABLES_LOCKFILE=/run/gatehouse/xtables.lock
    export XTABLES_LOCKFILE
}

withdraw() { # IPTABLES NAMES
    for table in $(tables "$1" "$2"); do
        # shellcheck disable=SC2086 # the marker is words
        "$1" -w "$patience" -t "$table" -D $marker 2>/dev/null ||
            { [ $? = 4 ] && impatient && "$1" -w 1 -t "$table" -D $marker 2>/dev/null; }
        [ "$role" != settle ] || "$1" -w "$patience" -t "$table" -X GATEHOUSE-ARMED 2>/dev/null
    done
}

withdraw_all() {
    [ ! -e /proc/net/if_inet6 ] || withdraw "$ip6tables" ip6_tables_names
    withdraw "$iptables" ip_tables_names
}

# Takes what a change that is over has left.
settle() {
    withdraw_all
    hold 10 || return
    keep=$({ saved "$iptables" ip_tables_names; saved "$ip6tables" ip6_tables_names; } 2>/dev/null |
        grep -o 'gatehouse-[^ ]*\.[a-e] ' | tr -d ' ')
    sweep "$keep"
}

# Rules in force keep their sets while those of the new ones are filled: in the kernel, the name of a set that has no
# ending yet gets the first that is free.
ended() {
    sed "s/\(gatehouse-[^ ]*-[0-9a-f]\{8\}\) /\1.$ending /g; s/\(gatehouse-[^ ]*-[0-9a-f]\{8\}\)\$/\1.$ending/
        s/^\(create\|add\|swap\|destroy\) gatehouse-new\( \|\$\)/\1 $temporary\2/"
}

choose_ending() {
    used=$({ saved "$iptables" ip_tables_names; saved "$ip6tables" ip6_tables_names; } 2>/dev/null |
        grep -o 'gatehouse-[^ ]*\.[a-e] ')
    for ending in a b c d e; do
        case $used in
        *".$ending "*) ;;
        *) return ;;
        esac
    done
}

# IPv6 may be a module that is loaded later than we are, so its rules have to be there before it. Only where the kernel
# has none even now that it was asked for, there is nothing to filter.
can_have_ipv6() {
    [ -e /proc/net/if_inet6 ] || { "$ip6tables-save" -t filter && modprobe -n -q ipv6; } >/dev/null 2>&1
}

ours() {
    "$ipset" list -n | grep '^gatehouse-'
}

# Destroys our sets except those named in $1, which has a line for each. The kernel itself keeps those in use, and for a
# moment those that were in use until now; at the first of these, ipset restore ends.
sweep() {
    ours | grep -vxF "$1" | sed 's/^/destroy /' | "$ipset" restore 2>/dev/null && return
    for attempt in 1 2 3 4 5; do
        left=
        for name in $(ours | grep -vxF "$1"); do
            "$ipset" destroy "$name" 2>/dev/null || left=$attempt
        done
        [ -n "$left" ] || return
        sleep 0.1
    done
}

# Counters begin anew with what is loaded: this file's time says since when, and what is in it is never the same twice.
# On a stage, nothing of the host's changes.
note() {
    [ -n "${GATEHOUSE_STAGE:-}" ] || [ ! -d /run/gatehouse ] ||
        (cat /proc/sys/kernel/random/uuid >/run/gatehouse/loaded.iptables) 2>/dev/null || :
}

if [ "$role" != settle ] && ! { [ -f "$ruleset" ] || [ -f "$ruleset.rules.v4" ] || [ -f "$ruleset.rules.v6" ]; }; then
    say "there is no ruleset $ruleset"
    exit 1
fi
"""
    + HOLD
    + r"""case $role in
back)
    patience=1
    withdraw_all
    hold 2
    ;;
change)
    kept=$marker
    hold 10 || exit
    ;;
run) hold 10 || exit ;;
settle)
    settle
    exit
    ;;
*)
    patience=60
    hold 10
    ;;
esac

keep=$(ours)
choose_ending
if ! {
    sets=$(part ipset) && sets=$(printf '%s\n' "$sets" | ended) &&
        words=$(printf '%s\n' "$sets" | "$ipset" restore 2>&1)
}; then
    say "ipset was not loaded: $words"
else
    load "$ip6tables" rules.v6 ip6_tables_names
    can_have_ipv6 || failed=0
    load "$iptables" rules.v4 ip_tables_names
fi
# The rollback may be filling the sets that a change has left: they stay until it is settled.
if [ "$role" = change ]; then
    [ "$failed" = 0 ] || saved "$iptables" ip_tables_names | grep -qe "GATEHOUSE-ARMED .*--comment $change " || exit 3
else
    [ "$failed" != 0 ] || keep=$(printf '%s\n' "$sets" | awk '$1 == "create" { print $2 }')
    sweep "$keep"
fi
[ "$failed" != 0 ] || note
exit "$failed"
"""
)
