"""Where real human demonstrations lie, for the tests that check against them."""

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("AGIR_DATA") or "/nowhere")
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs AGIR_DATA, a folder with pusht/, adroit_door/ and lasa/")
