"""Headless Chromium, for tests that look at a page."""

import pathlib
import re
import subprocess
import tempfile

import pytest

from agir.runtime import machine

OFF = ("gpu", "quic", "background-networking", "component-update", "sync", "dev-shm-usage")
QUIET = ["--headless", "--no-sandbox", "--no-first-run", "--hide-scrollbars", "--enable-logging=stderr", "--virtual-time-budget=4000"]


def chromium() -> str:
    """-> the program's path; skips the test where there is none."""
    path = machine.browser()
    if path is None:
        pytest.skip("needs Chromium (apt-get install chromium, or AGIR_CHROMIUM=PATH)")
    return path


def browse(page: pathlib.Path, *flags: str, size: tuple[int, int] = (1280, 900), dark: bool = False) -> tuple[str, list[str]]:
    """Opens the page -> what Chromium wrote, and the lines of the page's console (errors, and what the policy refused)."""
    theme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    with tempfile.TemporaryDirectory() as profile:
        command = [
            chromium(),
            *QUIET,
            *(f"--disable-{name}" for name in OFF),
            *theme,
            f"--user-data-dir={profile}",
            f"--window-size={size[0]},{size[1]}",
            *flags,
            page.as_uri(),
        ]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout, [line for line in result.stderr.splitlines() if re.search(r"\bCONSOLE\b", line)]


def screenshot(page: pathlib.Path, picture: pathlib.Path, **how) -> list[str]:
    """-> the lines of the console."""
    return browse(page, f"--screenshot={picture}", **how)[1]


def probe(page: pathlib.Path, before: str, after: str, **how) -> str:
    """The page's elements as text, after `after` ran in it; `before` runs ahead of the page's own script.

    The page's policy lets no foreign script in, so that is taken out of a copy, and the players are put where `after` finds them.
    """
    text = page.read_text()
    text, policies = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    own = 'for (const box of all(".player")) new Player(box);'
    assert policies == 1 and text.count(own) == 1
    text = text.replace(own, 'window.players = all(".player").map((box) => new Player(box));')
    text = text.replace("<body>", f"<body><script>{before}</script>", 1).replace("</body>", f"<script>{after}</script></body>")
    copy = page.with_name("probe.html")
    copy.write_text(text)
    written, console = browse(copy, "--dump-dom", **how)
    assert not console, console
    return written
