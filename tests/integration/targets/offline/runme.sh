#!/usr/bin/env bash
# SPDX-FileCopyrightText: gatehouse.firewall contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# The shipped playbooks that contact no host.
set -euo pipefail

play() { ansible-playbook -i inventory.yml "gatehouse.firewall.$1" "${@:2}"; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

play explain -e from=web1 -e to=db1 -e on=5432/tcp | tee "$out/said"
grep -q 'allows it: the flow queries allows it' "$out/said"
play explain -e from=db1 -e to=web1 -e on=80/tcp | tee "$out/said"
grep -q 'no flow allows it' "$out/said"

play report -e gatehouse_report_offline=true -e "gatehouse_report_dir=$out/report"
grep -q 'queries' "$out/report/flows.md"
[[ -s $out/report/report.html ]]

play plan -e gatehouse_plan_offline=true -e "gatehouse_plan_dir=$out/plan"
grep -q 'table inet gatehouse' "$out/plan/db1.nft"

play export -e "gatehouse_export=$out/classes.yml"
grep -q '198.51.100.41' "$out/classes.yml"

# A wrong model ends the run, and names the key.
if play explain -e to=db1 -e '{"gatehouse_services": [{"name": "x", "ports": ["22/tpc"]}]}' >"$out/said"; then
    echo 'a wrong model was taken' >&2
    exit 1
fi
grep -q 'gatehouse_services\[0\]' "$out/said"
