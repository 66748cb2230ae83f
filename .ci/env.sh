# SPDX-FileCopyrightText: gatehouse.firewall contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Source this file: it points Ansible, Molecule and podman at this checkout and at its locked tools.

_gatehouse_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# Podman's defaults are right on most machines; print overrides only for what this one cannot do.
_gatehouse_podman_conf() {
    local caps limit name resource ulimits='' engine=''
    [[ $EUID -eq 0 ]] || return 0 # the lab is root's

    caps=$(awk '/^CapEff/ { print $2 }' /proc/self/status)
    if ! ((16#$caps >> 24 & 1)); then # no CAP_SYS_RESOURCE: podman's million files and processes fail
        for resource in nofile:n nproc:u; do
            name=${resource%:*}
            limit=$(ulimit -H"${resource#*:}")
            [[ $limit == unlimited || $limit -gt 16384 ]] && limit=16384 # some of podman's helpers lower theirs further
            ulimits+="\"$name=$limit:$limit\", "
        done
    fi
    if [[ $(stat -fc %T /sys/fs/cgroup) != cgroup2fs ]] && command -v runc >/dev/null; then # crun refuses hybrid cgroups
        engine+='runtime = "runc"'$'\n'
    fi
    [[ -d /run/systemd/system ]] || engine+='cgroup_manager = "cgroupfs"'$'\n'
    [[ -S /run/systemd/journal/socket ]] || engine+='events_logger = "file"'$'\n'

    [[ -z $ulimits ]] || printf '[containers]\ndefault_ulimits = [%s]\n' "${ulimits%, }"
    [[ -z $engine ]] || printf '[engine]\n%s' "$engine"
}

_gatehouse_env() {
    local conf text

    case :$PATH: in
    *:"$_gatehouse_root/.venv/bin":*) ;;
    *) export PATH="$_gatehouse_root/.venv/bin:$PATH:/usr/sbin:/sbin" ;;
    esac
    [[ $(locale charmap 2>/dev/null) == UTF-8 ]] || export LC_ALL=C.UTF-8

    export ANSIBLE_HOME="$_gatehouse_root/.ansible"
    # GATEHOUSE_COLLECTIONS: where to find this collection instead, to test it as installed
    export ANSIBLE_COLLECTIONS_PATH="${GATEHOUSE_COLLECTIONS:-$_gatehouse_root/.ansible/collections}:$_gatehouse_root/.cache/collections"
    export ANSIBLE_NOCOWS=1
    export PIP_DISABLE_PIP_VERSION_CHECK=1
    # Calico's own schemas are not ours to have; where they lie beside the checkout, tests check against them.
    [[ ! -d $_gatehouse_root/../shared/data/calico-crds ]] ||
        export GATEHOUSE_CALICO_CRDS="${GATEHOUSE_CALICO_CRDS:-$_gatehouse_root/../shared/data/calico-crds}"

    conf=$_gatehouse_root/.cache/containers.conf
    [[ -z ${CONTAINERS_CONF:-} || $CONTAINERS_CONF == "$conf" ]] || return 0
    text=$(_gatehouse_podman_conf)
    if [[ -z $text ]]; then
        unset CONTAINERS_CONF
        return 0
    fi
    export CONTAINERS_CONF=$conf
    if [[ $text != "$(cat "$conf" 2>/dev/null)" ]]; then
        mkdir -p "${conf%/*}"
        printf '%s\n' "$text" >"$conf.$$" && mv "$conf.$$" "$conf"
    fi
}

_gatehouse_env
unset -f _gatehouse_env _gatehouse_podman_conf
unset _gatehouse_root
