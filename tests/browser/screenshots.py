"""Take the pictures of the page that the documentation shows, of the lab's fleet: ``screenshots.py FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from chromium import chromium, missing, show, write_report

WIDTH = 1200
# By name: the theme, how high the window is, what is clicked.
PICTURES = {
    "report-light.png": ("light", 1090, ""),
    "report-dark.png": ("dark", 1090, '.matrix a[aria-label^="k8s_node to external_vm: "]'),
}


def main() -> int:
    """Write the pictures; return 1 where there is no browser."""
    if missing():
        print(f"needs {' and '.join(missing())}", file=sys.stderr)
        return 1
    with TemporaryDirectory() as folder, chromium() as browser:
        page = write_report(Path(folder))
        for name, (theme, height, clicked) in PICTURES.items():
            show(browser, page, width=WIDTH, height=height, theme=theme)
            if clicked:
                browser.execute_script("document.querySelector(arguments[0]).click()", clicked)
            browser.save_screenshot(str(Path(sys.argv[1]) / name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
