#!/usr/bin/env bash
# Make the lab's images, localhost/gatehouse-lab:RELEASE, unless podman has them from this very recipe.
#   build.sh [11|12|13|bare]...        (default: 12)
# bare is Debian 12 with nothing but Python: where a newcomer begins, and no host of the lab.
# GATEHOUSE_DEBIAN_MIRROR: where mmdebstrap gets its packages, if not from Debian's usual mirror.
set -euo pipefail
cd "$(dirname "$0")"

declare -A suite=([11]=bullseye [12]=bookworm [13]=trixie [bare]=bookworm)
recipe=$(cat build.sh Containerfile packages | sha256sum | cut -c1-16)

includes() { # release
  if [[ $1 == bare ]]; then echo python3; else paste -sd, packages; fi
}

say() { echo "image: $*"; }

cached() {
  [[ $(podman image inspect -f '{{index .Labels "gatehouse.recipe"}}' "$1" 2>/dev/null) == "$recipe" ]]
}

from_registry() { # release image
  podman build -q --network=host --build-arg "BASE=debian:$1-slim" --label "gatehouse.recipe=$recipe" -t "$2" . >/dev/null
}

from_packages() { # release image
  command -v mmdebstrap >/dev/null || {
    say "no registry answers, and mmdebstrap is not here to build one instead: apt-get install mmdebstrap" >&2
    return 1
  }
  mmdebstrap --quiet --variant=minbase --include="$(includes "$1")" \
    --aptopt='Acquire::Languages "none"' --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    "${suite[$1]}" - ${GATEHOUSE_DEBIAN_MIRROR:+"$GATEHOUSE_DEBIAN_MIRROR"} |
    podman import -q -c "LABEL gatehouse.recipe=$recipe" -c 'STOPSIGNAL SIGRTMIN+3' -c 'CMD ["/sbin/init"]' - "$2-half" >/dev/null
  # The name that counts as cached comes last: half an image must not get it.
  podman tag "$2-half" "$2"
  podman untag "$2-half" "$2-half"
}

build() { # release
  local image=localhost/gatehouse-lab:$1 begun=$SECONDS
  if cached "$image"; then
    say "$image is cached"
    return
  fi
  [[ $1 == bare ]] || say "asking the registry for debian:$1-slim"
  if [[ $1 != bare ]] && timeout 90 podman pull -q "debian:$1-slim" >/dev/null 2>&1 && from_registry "$1" "$image"; then
    say "built $image on debian:$1-slim in $((SECONDS - begun)) s"
    return
  fi
  say "building $image from Debian's packages (about half a minute)"
  from_packages "$1" "$image"
  say "built $image in $((SECONDS - begun)) s"
}

builds=()
for release in "${@:-12}"; do
  [[ -v suite[$release] ]] || { say "no recipe for Debian $release: known are ${!suite[*]}" >&2; exit 2; }
  build "$release" &
  builds+=($!)
done
rc=0
for pid in "${builds[@]}"; do wait "$pid" || rc=1; done
podman image prune -f --filter label=gatehouse.recipe >/dev/null
exit $rc
