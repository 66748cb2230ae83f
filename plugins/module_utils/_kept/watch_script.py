# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The script that looks every minute whether our rules are where packets come by, and may load them again.

It needs a POSIX shell, an awk, and the tools of the backend. What it compares is short, whatever sets hold: with
nftables, the base chains; with iptables, our chains' names and the jumps to them, with their places.
"""

from __future__ import annotations

SCRIPT = r"""#!/bin/sh
# Written by gatehouse.firewall: edits are lost at the next run.
#
# sh watch.sh look|heal LOADER nft NFT
# sh watch.sh look|heal LOADER iptables IPTABLES IP6TABLES IPSET
#
# look: say whether our rules are as they were confirmed, once for each time that this changes; exit with 1 where they
# are not, and with 10 where none of them is in force.
# heal: have LOADER load the ruleset of the next boot, if $EXIT_STATUS is 10 and that still is so.
#
# A change that waits to be confirmed, or that is under way, is left alone, and nothing is said of it.

step=${1:?}
loader=/etc/gatehouse/${2:?}
files=${3:?}
shift 3
confirmed=/var/lib/gatehouse/live.$files
ruleset=/etc/gatehouse/ruleset.$files
fallback=/etc/gatehouse/fallback.$files
locks=/run/gatehouse
seen=/run/gatehouse-watch
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin
LC_ALL=C
export PATH LC_ALL

# Its deadline is on the clock since the start of the machine, which has no name in a shell but this one, which goes on
# in a suspend as well. So both this and the time since the file was written have to be over.
is_overdue() { # FILE
    deadline=$(stat -c %Y "$1") && written=$(stat -c %Z "$1") || return 0
    [ "$(cut -d. -f1 /proc/uptime)" -gt "$((deadline + 10))" ] && [ "$(date +%s)" -gt "$((written + 620))" ]
}

is_pending() {
    for file in "$locks"/rollback-* "$locks"/taken-*; do
        [ ! -e "$file" ] || is_overdue "$file" || return 0
    done
    return 1
}

is_busy() {
    is_pending && return
    [ -e "$locks/lock" ] && command -v flock >/dev/null && ! flock -n 8 8<"$locks/lock"
}

# Prints the base chains of a listing, but for their priorities, which nft writes in several ways.
base_chains() {
    awk '/^\tchain / { name = $2; on = 0 }
/^\t\ttype .* hook / { sub(/ priority [^;]*/, ""); on = 1 }
/^\t}/ { on = 0 }
on && /^\t\t/ { sub(/^\t\t/, ""); print "chain " name ": " $0 }'
}

# Prints the names of our chains in what a table of iptables is saved as, and the jumps to them with their places.
jumps() { # NAME TABLE
    awk -v begin="$1 -t $2 " '/^:GATEHOUSE-/ && !/^:GATEHOUSE-ARMED / { print begin "-N " substr($1, 2) }
/^-A / && $2 !~ /^GATEHOUSE-/ {
    place[$2]++
    if (/ -[jg] GATEHOUSE-[^ "]+$/) {
        chain = $2
        sub(/^-A [^ ]+ /, "")
        print begin "-I " chain " " place[chain] " " $0
    }
}'
}

rules_of_nft() {
    if listed=$("$1" -s -t list table inet gatehouse 2>&1); then
        printf '%s\n' "$listed" | base_chains
    else
        case $listed in
        *'No such file or directory'*) ;;
        *) return 1 ;;
        esac
    fi
}

# To ask the legacy variant for a table that the kernel lacks would make it.
rules_of_iptables() { # COMMAND NAME TABLE
    case $("$1" -V) in
    *nf_tables*) ;;
    *) grep -qx "$3" "/proc/net/${2%tables}_tables_names" 2>/dev/null || return 0 ;;
    esac
    saved=$("$1-save" -t "$3" 2>/dev/null) && printf '%s\n' "$saved" | jumps "$2" "$3"
}

# Prints what there is of us where packets come by, in lines; fails where that can't be told.
live() {
    if [ "$files" = nft ]; then
        rules_of_nft "$1"
        return
    fi
    for table in filter mangle; do
        ! grep -q "^iptables -t $table " "$confirmed" || rules_of_iptables "$1" iptables "$table" || return
        ! grep -q "^ip6tables -t $table " "$confirmed" || rules_of_iptables "$2" ip6tables "$table" || return
    done
}

# Prints the same of what was confirmed last.
recorded() {
    if [ "$files" = nft ]; then
        base_chains <"$confirmed"
    else
        grep -E '^ip6?tables -t [a-z]+ -[NI] ' "$confirmed"
    fi
}

# Sets $found to what was found, in words, and returns what this script exits with.
look() {
    if ! { wanted=$(recorded | sort) && [ -n "$wanted" ]; }; then
        found="$confirmed doesn't say what was confirmed"
        return 1
    fi
    if ! now=$(live "$@"); then
        found='whether our rules are in force could not be seen'
        return 1
    fi
    now=$(printf '%s\n' "$now" | sort)
    found='our rules are in force'
    [ "$now" != "$wanted" ] || return 0
    if ! printf '%s\n' "$now" | grep -v '^chain [^ ]*: type ' | grep -qe '^chain ' -e ' -I '; then
        found='none of our rules is in force: something has flushed or deleted them'
        return 10
    fi
    found="others have changed our rules where packets come by: $(
        printf '%s\n' "$wanted" '#' "$now" | awk '
!on && $0 == "#" { on = 1; next }
!on { wanted[$0]; line[++count] = $0; next }
{ now[$0] }
!($0 in wanted) { more = more "; has " $0 }
END {
    for (i = 1; i <= count; i++) if (!(line[i] in now)) less = less "; lacks " line[i]
    print substr(less more, 3, 300)
}'
    )"
    return 1
}

# A loader may be at work in this moment.
settled() {
    look "$@" && return
    sleep 2
    is_busy || look "$@"
}

tell() { # CODE
    {
        echo '# HELP gatehouse_rules_in_force Whether our rules are in force as they were confirmed, at the last look.'
        echo '# TYPE gatehouse_rules_in_force gauge'
        echo "gatehouse_rules_in_force $(($1 == 0))"
        echo '# HELP gatehouse_watch_time_seconds When the last look was.'
        echo '# TYPE gatehouse_watch_time_seconds gauge'
        echo "gatehouse_watch_time_seconds $(date +%s)"
    } >"$seen/.new" && mv "$seen/.new" "$seen/gatehouse.prom"
    before=$(cat "$seen/found" 2>/dev/null) || before='our rules are in force'
    [ "$found" != "$before" ] || return 0
    # As systemd reads it: an error, or a notice that all is well again.
    echo "<$(($1 == 0 ? 5 : 3))>gatehouse: $found"
    echo "$found" >"$seen/found"
}

heal() {
    [ -d "$locks" ] || mkdir -m 700 "$locks"
    exec 8>>"$locks/lock"
    # What has held it may have been a change, or remove.
    flock -w 10 8 && [ -s "$ruleset" ] && ! is_pending || exit 0
    look "$@"
    [ $? = 10 ] || exit 0
    echo "process $$ (it loads our rules again)" >"$locks/lock"
    echo '<4>gatehouse: none of our rules was in force: the ruleset of the next boot is loaded again'
    sh "$loader" "$ruleset" "$@" && exit
    echo '<3>gatehouse: it could not be loaded: only replies and the management flow pass until it is'
    [ -s "$fallback" ] && sh "$loader" "$fallback" "$@"
    exit 1
}

if [ "$step" = heal ]; then
    [ "${EXIT_STATUS:-}" != 10 ] || heal "$@"
elif ! is_busy; then
    settled "$@"
    code=$?
    ! is_busy || exit 0
    tell "$code"
    exit "$code"
fi
"""
