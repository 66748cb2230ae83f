"""Stand in for the get-pip.py that ansible-test downloads from its own host: unpack the wheel of pip beside this file.

It does so in each of the ten environments that ansible-test makes, where to install pip by pip takes five seconds.
"""

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

NOT_WANTED = ("--no-setuptools", "--no-wheel")


def main() -> int:
    """Unpack pip, and have it install what else is asked for."""
    arguments = [argument for argument in sys.argv[1:] if argument not in NOT_WANTED]
    (asked,) = (argument for argument in arguments if argument.startswith("pip=="))
    wheel = f"pip-{asked.partition('==')[2]}-py3-none-any.whl"
    with zipfile.ZipFile(Path(__file__).with_name(wheel)) as archive:
        archive.extractall(sysconfig.get_path("purelib"))

    arguments.remove(asked)
    if all(argument.startswith("-") for argument in arguments):
        return 0
    return subprocess.run([sys.executable, "-m", "pip", "install", *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
