# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The script that brings a host's nftables to a ruleset: for the module, the boot unit and the rollback.

It needs a POSIX shell and nft, and an awk where there is a table to change; the rollback may rely on nothing else.

A table can be deleted and defined again in one transaction, but that loses packets of those who may pass both before
and after: about one for each change under a flood, on Linux 6.18. Most are lost because the ranges of a new set can be
looked up a moment after the rules that do (a new table without ranges lost none). In the kernel's order of things, a
packet under way in old rules may also look up sets whose elements are no more, and a base chain that is being deleted
has no rules but its policy. None of this happens to chains and sets that nothing leads to yet.
"""

from __future__ import annotations

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.loader_lock import HOLD

LOADER = (
    r"""#!/bin/sh
# Written by gatehouse.firewall: edits are lost at the next run.
#
# sh replace.sh RULESET [NFT [run | change CHANGE | back CHANGE]]
#
# Make the table inet gatehouse what RULESET says, a text for nft -f that deletes it and, maybe, defines it. Where there
# is one already, the new chains and sets are put beside the old ones, under names that end in .next; one transaction
# has the base chains lead there; and the same once more, to the names as they are written. A packet is judged by the
# old rules or by the new ones, and none is lost. A table that can't be changed so is replaced in one transaction.
#
# All that is part of a CHANGE is refused by the kernel once its rollback has begun, which first takes a marker away: a
# chain of ours that each transaction of the change deletes and puts back. The rollback waits for nothing.

ruleset=${1:?}
nft=${2:-nft}
role=${3:-boot}
marker=armed.${4:-}
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin
LC_ALL=C
export PATH LC_ALL
trap '' HUP PIPE # what we load may cut off the session that started us

# Reads what is live, the line "#wanted" and the ruleset, and writes one step of the way, for nft. Refuses what it can't
# read, and base chains that it can't change without a moment in which they are open or closed.
step() { # NAME SUFFIX
    given=$outline
    [ "$1" = beside ] && given=$wanted
    printf '%s\n' "$live" '#wanted' "$given" | awk -v step="$1" -v suffix="$2" -v marker="$kept" '
function refuse() {
    refused = 1
    exit 1
}
# In a string of ours there is no such word, and in a foreign one it would be back in the end.
function suffixed(line) {
    gsub(/(@|jump |goto )[A-Za-z0-9_.\/-]+/, "&" suffix, line)
    return line
}
# nft writes "dstnat - 20" or -120, as its version has it.
function numbered(hook, words, count, i, text) {
    gsub(";", " ;", hook)
    count = split(hook, words, " ")
    for (i = 1; i <= count; i++) {
        if (words[i] in priorities && words[i - 1] == "priority") {
            words[i] = priorities[words[i]]
            if (words[i + 1] ~ /^[+-]$/) {
                words[i] += words[i + 1] words[i + 2]
                words[i + 1] = words[i + 2] = ""
            }
        }
        if (words[i] != "") text = text " " words[i]
    }
    return text
}
function end_of_live() {
    if (hook) live_hook[name] = hook
    else if (name == marker) return
    else if (name ~ /\.next$/) nexts[name] = kind
    else plains[name] = kind
}
function end_of_wanted() {
    last[blocks] = count
    names[blocks] = name
    kinds[blocks] = kind
    if (hook) wanted_hook[name] = hook
}
function write(block, from, to, line) {
    print "\t" kinds[block] " " names[block] (names[block] in wanted_hook ? "" : suffix) " {"
    for (line = from; line <= to; line++) print (kinds[block] == "chain" ? suffixed(lines[line]) : lines[line])
    print "\t}"
}
function is_closed(hook) {
    return hook ~ / policy drop /
}
function delete_all(kinds, name) {
    for (name in kinds) if (kinds[name] == "chain") print "flush chain inet gatehouse " name
    for (name in kinds) if (kinds[name] == "chain") print "delete chain inet gatehouse " name
    for (name in kinds) if (kinds[name] != "chain") print "delete " kinds[name] " inet gatehouse " name
}
BEGIN {
    priorities["raw"] = -300
    priorities["mangle"] = -150
    priorities["dstnat"] = -100
    priorities["filter"] = 0
}
/^\t\t/ && kind {
    if (/^\t\ttype .* hook /) hook = numbered($0)
    if (wanted) lines[++count] = $0
    next
}
$0 == "#wanted" { wanted = 1; next }
/^\t(chain|set|map) [A-Za-z0-9_.\/-]+ [{]$/ {
    kind = $1
    name = $2
    hook = ""
    if (wanted) first[++blocks] = count + 1
    next
}
/^\t[}]$/ && kind {
    if (wanted) end_of_wanted()
    else end_of_live()
    kind = ""
    next
}
/^#/ || /^$/ || /^[}]$/ || /^(delete )?table inet gatehouse( [{])?$/ { next }
{ refuse() }
END {
    if (refused) exit 1
    for (name in live_hook) {
        if (name in wanted_hook ? live_hook[name] != wanted_hook[name] : blocks && is_closed(live_hook[name])) exit 1
    }
    for (name in wanted_hook) if (!(name in live_hook) && is_closed(wanted_hook[name])) exit 1

    if (step == "open") for (name in live_hook) {
        print "insert rule inet gatehouse " name " accept"
        print "add chain inet gatehouse " name " { policy accept; }"
    }
    if (step == "clear") {
        if (suffix) delete_all(nexts)
        else delete_all(plains)
    }
    if (step == "beside") {
        print "table inet gatehouse {"
        for (i = 1; i <= blocks; i++) # base chains first, as where a boot makes them
            if (names[i] in wanted_hook && !(names[i] in live_hook)) write(i, first[i], first[i])
        for (i = 1; i <= blocks; i++) if (!(names[i] in wanted_hook)) write(i, first[i], last[i])
        print "}"
    }
    if (step == "switch") {
        for (name in live_hook) print "flush chain inet gatehouse " name
        for (name in wanted_hook) if (!(name in live_hook)) print "flush chain inet gatehouse " name
        print "table inet gatehouse {"
        for (i = 1; i <= blocks; i++) if (names[i] in wanted_hook) write(i, first[i], last[i])
        print "}"
    }
    if (step == "sweep") {
        for (name in live_hook) if (!(name in wanted_hook)) print "delete chain inet gatehouse " name
        delete_all(nexts)
    }
}'
}

transaction() { # TEXT
    [ -z "$kept" ] || echo "delete chain inet gatehouse $kept"
    printf '%s\n' "$1"
    [ -z "$kept" ] || echo "add chain inet gatehouse $kept"
}

take() { # NAME SUFFIX
    text=$(step "$@") && { [ -z "$text" ] || transaction "$text" | "$nft" -f - 2>/dev/null; }
}

replace() {
    transaction "$wanted" | "$nft" -f /dev/stdin
}

look() {
    live=$("$nft" -s -t list table inet gatehouse 2>/dev/null)
}

# To clear and to define in one transaction crashes nft 0.9.8 where names are the same.
change() {
    # It fails where another run before us was killed when the base chains led to .next.
    take clear .next && take beside .next && take switch .next
    take clear '' && take beside '' && take switch '' && look && take sweep
}

# Counters begin anew with what is loaded: this file's time says since when, and what is in it is never the same twice.
# On a stage, nothing of the host's changes.
note() {
    [ -n "${GATEHOUSE_STAGE:-}" ] || [ ! -d /run/gatehouse ] ||
        (cat /proc/sys/kernel/random/uuid >/run/gatehouse/loaded.nft) 2>/dev/null || :
}

"""
    + HOLD
    + r"""kept=
case $role in
back)
    "$nft" delete chain inet gatehouse "$marker" 2>/dev/null
    hold 2
    ;;
change)
    kept=$marker
    hold 10 || exit
    ;;
run) hold 10 || exit ;;
*) hold 10 ;;
esac
# What the first line says is for others, and a nft that reads a file takes seconds for a line of megabytes.
wanted=$(sed '1{/^# gatehouse: /d}' "$ruleset") || exit
# Without what sets hold: that may be tens of thousands of lines, and one of the steps alone writes them.
outline=$(sed -e '1{/^# gatehouse: /d}' -e "/^$(printf '\t\t\t')/d" "$ruleset") || exit
if look; then
    case $wanted in
    *' hook '*) change && note && exit ;;
    *) take open ;;
    esac
fi
replace && note && exit
[ "$role" = change ] && ! "$nft" list chain inet gatehouse "$marker" >/dev/null 2>&1 && exit 3
exit 1
"""
)
