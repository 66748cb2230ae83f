# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The script that saves what a host's kernel has kept of denials: before a change, every ten minutes, and at shutdown.

It needs a POSIX shell, an awk, and the backend's tool; Python reads what it writes (``denials``).
"""

from __future__ import annotations

from ansible_collections.gatehouse.firewall.plugins.module_utils._backends.loader_lock import HOLD

SAVER = (
    r"""#!/bin/sh
# Written by gatehouse.firewall: edits are lost at the next run.
#
# sh denied.sh TYPE TOOL
#
# Save what the kernel has kept of denials under the rules in force, in place of what was saved of these before, and
# beside what was saved of those before them: a block for each time that rules were loaded, below a line with the load,
# the time of it and the time of the save. TYPE is nft or iptables, and TOOL the full path of nft or ipset. Where
# nothing was denied, nothing is written.

type=${1:?}
tool=${2:?}
role=save
directory=/var/lib/gatehouse
loaded=/run/gatehouse/loaded.$type
most=20 # blocks
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin
LC_ALL=C
export PATH LC_ALL
umask 077
"""
    + HOLD
    + r"""
# Prints what is in the sets that keep denials, as the tool does.
elements() {
    case $type in
    nft)
        "$tool" list table inet gatehouse | awk '
            /^\tset denied\.(in|out|pre|src)\./ { head = $0 }
            head && /^\t\telements = / { print head; on = 1 }
            on
            /^\t}/ { head = ""; on = 0 }'
        ;;
    *)
        # The sets of the rules before stay until a change is settled, and no rule refers to them.
        { "$tool" list -t && "$tool" save; } | awk '
            /^Name: / { name = $2 }
            /^References: / { used[name] = $2 }
            /^add gatehouse-(in|out|pre|src)[46]\.[ksa][fl]-/ && used[$2] && !/ timeout 0 /'
        ;;
    esac
}

# Prints the blocks of other loads that still count; of those older than an hour, without strangers.
others() { # LOAD NOW
    count=$(grep -c '^load ' "$directory/denied")
    awk -v current="$1" -v now="$2" -v skip=$((count - most)) '
        /^load / {
            keep = ++blocks > skip && $2 != current && now - $4 < 2147483
            old = now - $4 >= 3600
            strange = 0
        }
        /^\tset / || /^add / { strange = old && /\.(stranger|any)\.|\.[sa][fl]-/ }
        keep && !strange
    ' "$directory/denied"
}

load=$(cat "$loaded" 2>/dev/null) && [ -n "$load" ] || exit 0
hold 10 || exit
found=$(elements 2>/dev/null)
[ -n "$found" ] || exit 0
now=$(date +%s)
{
    [ ! -f "$directory/denied" ] || others "$load" "$now"
    echo "load $load $(date -r "$loaded" +%s) $now"
    printf '%s\n' "$found"
} >"$directory/.denied.new" && mv "$directory/.denied.new" "$directory/denied"
"""
)
