"""The fleet of the scenario as its tests see it. Ansible runs in the network of the host admin, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

from containers import SHOW_IPTABLES, SHOW_NFTABLES, Completed, Lab, playbook_command, run_plainly

INVENTORY = Path(__file__).parent / "inventory"
IPTABLES = "for command in iptables ip6tables; do {}; done"
BY_NFT = "nft insert rule inet gatehouse input meta l4proto {protocol} th dport {port} accept"
BY_IPTABLES = IPTABLES.format("$command -I INPUT -p {protocol} --dport {port} -j ACCEPT")
OPEN = {"app1": BY_NFT, "app2": BY_NFT, "store1": BY_IPTABLES}  # somebody lets everybody in at a port, by hand
CLOSE = {host: command.replace("accept", "drop").replace("ACCEPT", "DROP") for host, command in OPEN.items()}
TAKE_OUT = IPTABLES.format("$command -F INPUT; $command -F OUTPUT")
DELETE = "nft delete table inet gatehouse"
FLUSH = {"app1": DELETE, "app2": DELETE, "store1": TAKE_OUT}
LIAR, TRUE = "/usr/sbin/nft", "/usr/sbin/nft.true"
LIE = "\n".join(  # loads other ports than it is told
    [
        f"mv {LIAR} {TRUE} && cat > {LIAR} <<'END' && chmod +x {LIAR}",
        "#!/bin/sh",
        "for last; do :; done",
        "others='s/5432/5433/g; s/8302/8303/g'",
        f'if [ "$last" = /dev/stdin ]; then sed "$others" | {TRUE} "$@"; exit; fi',
        '[ ! -f "$last" ] || sed -i "$others" "$last"',
        f'exec {TRUE} "$@"',
        "END",
    ]
)

HONEST = f"[ ! -e {TRUE} ] || mv {TRUE} {LIAR}"


class Fleet(Lab):
    """The hosts, each by its name in the inventory."""

    prefix = "verify-"

    def __init__(self) -> None:
        super().__init__(INVENTORY)

    def playbook(self, name: str, *arguments: str, **variables: object) -> Completed:
        """Run one of our playbooks as the admin does."""
        command = playbook_command(name, f"--extra-vars={json.dumps(variables)}", *arguments, inventory=INVENTORY)
        return run_plainly(["nsenter", f"--net={self.namespaces['admin']}", "--", *command])

    def shell(self, host: str, script: str) -> str:
        """Return what a script prints on a host."""
        return self.run(host, "sh", "-c", script)

    def states(self) -> dict[str, str]:
        """Return all that a change would change on each managed host, and its network namespaces."""
        ours = (
            f"nft list tables; {SHOW_NFTABLES}; {SHOW_IPTABLES}; ls /etc/gatehouse; stat -c %y /run/gatehouse/loaded.*"
        )
        namespaces = "lsns --type net --noheadings | wc -l; ip -brief link"
        return self.settled(f"{{ {ours}; {namespaces}; }} 2>/dev/null || true")
