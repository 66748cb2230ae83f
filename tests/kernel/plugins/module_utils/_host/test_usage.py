"""Since when a real kernel counts: the loaders note it."""

from __future__ import annotations

import os
import subprocess
import time

import pytest
from ansible_collections.gatehouse.firewall.plugins.module_utils._backends import iptables_loader, nft_loader
from ansible_collections.gatehouse.firewall.tests.kernel.plugins.private_iptables import PATH, needs_iptables

LOADERS = {
    "nft": (nft_loader.LOADER, "table inet gatehouse { chain c { } ; }\n"),
    "iptables": (iptables_loader.LOADER, ""),
}


@needs_iptables
@pytest.mark.parametrize("prepared", [True, False])
@pytest.mark.parametrize("kind", LOADERS)
def test_a_loader_notes_when_it_loads_where_there_is_a_place_for_it(tmp_path, kind, prepared):
    script, ruleset = LOADERS[kind]
    (tmp_path / "load.sh").write_text(script, encoding="utf-8")
    (tmp_path / "ruleset").write_text(ruleset, encoding="utf-8")
    started = int(time.time())
    place = "mkdir /run/gatehouse && touch -d @1 /run/gatehouse/loaded.$2" if prepared else "true"
    words = f"mount -t tmpfs none /run && {place} && sh $1/load.sh $1/ruleset && stat -c %Y /run/gatehouse/loaded.$2"
    command = ["unshare", "--mount", "--net", "sh", "-c", words, "sh", str(tmp_path), kind]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": PATH})

    if prepared:
        assert (done.returncode, done.stderr) == (0, "")
        assert int(done.stdout) >= started
    else:
        assert done.stderr.startswith("stat: cannot stat")
