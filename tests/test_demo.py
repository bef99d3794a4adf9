"""The demo as a user starts it: both acts, the table, and a page that Chromium shows."""

import os
import subprocess
import sys

import numpy as np
import pytest
from evaluation.browser import screenshot


@pytest.mark.timeout(900)  # 40 s on an idle machine; beside the other worker on a slow one it was seen to take 280
def test_the_quick_demo_ends_in_a_page_that_shows(tmp_path):
    from PIL import Image

    command = [sys.executable, "-m", "agir", "demo", "--quick", "--folder", "demo"]
    environment = os.environ | {"AGIR_CACHE": "off", "COLUMNS": "140"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=800)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in ("lasa/Sine", "metaworld/", "behavior-cloning", "diffusion-policy", " to ", "p99"))
    assert "diffusion-policy: 60/60" in done.stderr  # progress goes there, so that the table can be piped
    page = tmp_path / "demo" / "report.html"
    text = page.read_text()
    assert all(f"{method} opens the drawer" in text for method in ("behavior-cloning", "diffusion-policy"))  # the figures at its head
    assert text.count("log scale") == 2  # both acts' losses can be read side by side
    assert text.count('class="player"') == 2 and "http://" not in text.replace("http://www.w3.org/", "")

    console = screenshot(page, tmp_path / "page.png", size=(1280, 3600))
    assert not console, console
    pixels = np.asarray(Image.open(tmp_path / "page.png").convert("RGB"), float)
    inked = np.abs(pixels - pixels[5, 5]).max(-1) > 40
    assert all(part.mean() > 0.005 for part in np.array_split(inked[:2400], 4))  # table, animation, curves: no part is empty
