# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""What both loaders' scripts have in common: how one of them waits for another."""

from __future__ import annotations

HOLD = r"""
# Holds the lock of those who change rules, for as long as this script and what it runs live, or says who does. On a
# stage, and where nothing of ours was ever changed, there is none.
hold() { # SECONDS
    [ -z "${GATEHOUSE_STAGE:-}" ] && [ -w /run/gatehouse ] && command -v flock >/dev/null || return 0
    exec 9>>/run/gatehouse/rules.lock
    tries=$(($1 * 10))
    until flock -n 9; do
        if [ "$tries" = 0 ]; then
            printf 'gatehouse: waited %s s for %s, which holds /run/gatehouse/rules.lock\n' \
                "$1" "$(cat /run/gatehouse/rules.lock)" >&2
            return 1
        fi
        tries=$((tries - 1))
        sleep 0.1
    done
    echo "process $$ ($role, ${0##*/})" >/run/gatehouse/rules.lock
}
"""
