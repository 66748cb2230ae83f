#!/usr/bin/env bash
# SPDX-FileCopyrightText: gatehouse.firewall contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# The demo: start the lab, show who reaches whom, harden the fleet, show it again.
#   demo.sh up | demo.sh down        (make demo, make demo-down; after make setup)
# Every host runs Debian 12, so that one image is enough; the tests run 11, 12 and 13.
set -euo pipefail
cd "$(dirname "$0")/../.."
source .ci/env.sh
export ANSIBLE_FORKS=15 ANSIBLE_CALLBACK_RESULT_FORMAT=yaml ANSIBLE_DISPLAY_SKIPPED_HOSTS=false ANSIBLE_TASK_TIMEOUT=120

inventory=molecule/shared/inventory
log=.cache/lab/demo.log

step() { printf '\n== %s  (%s s)\n' "$*" "$SECONDS"; }

quietly() {
  "$@" >"$log" 2>&1 || {
    cat "$log" >&2
    echo "It failed; what stands above is in $log too. Take the lab down with: make demo-down" >&2
    return 1
  }
}

up() {
  mkdir -p "${log%/*}"
  step "The image every host of the lab runs"
  molecule/shared/image/build.sh 12

  step "Starting the lab: 15 containers, 8 of them hosts to harden, on 2 networks that lead nowhere else"
  quietly ansible-playbook -i "$inventory" -e lab_release=12 molecule/shared/create.yml

  step "Who reaches whom BEFORE: TCP and UDP packets, IPv4 and IPv6, each host to every other kind of host"
  python molecule/shared/reachability.py

  step "ansible-playbook gatehouse.firewall.harden -i $inventory"
  ansible-playbook gatehouse.firewall.harden -i "$inventory"

  step "Who reaches whom AFTER"
  python molecule/shared/reachability.py
  look_around
}

look_around() {
  step "Done. Look around"
  cat <<END
Set up this shell first:      source .ci/env.sh
The model, all of it:         $inventory/hosts.yml and $inventory/group_vars/
The rules on a host:          podman exec -it gatehouse-nomad1 nft list table inet gatehouse
Onto a host, as the admin:    ssh -i .cache/lab/id_ed25519 -o UserKnownHostsFile=.cache/lab/known_hosts root@198.51.100.21
What a change would do:       edit the model, then  ansible-playbook gatehouse.firewall.plan -i $inventory
Do it:                        ansible-playbook gatehouse.firewall.harden -i $inventory
Who reaches whom now:         python molecule/shared/reachability.py
Take the lab down:            make demo-down
END
}

down() {
  mkdir -p "${log%/*}"
  step "Removing the lab's containers and networks"
  quietly ansible-playbook -i "$inventory" molecule/shared/destroy.yml
  echo "Gone. The images stay for the next time; to remove them too: podman rmi \$(podman images -q localhost/gatehouse-lab)"
}

case ${1:-} in
up) up ;;
down) down ;;
*) sed -n 's/^#   //p' "$0" >&2; exit 2 ;;
esac
