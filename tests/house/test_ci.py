"""What a skip for want of OpenGL or of a browser means: nothing here, a failure where CI=true."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
FILES = {
    "opengl": "import pytest\n@pytest.fixture\ndef gl():\n    pytest.skip('needs OpenGL: no driver')\ndef test_it(gl): ...",
    "module": "import pytest\npytest.skip('needs Chromium', allow_module_level=True)",
    "marked": "import pytest\n@pytest.mark.skip(reason='needs OpenGL')\ndef test_it(): ...",
    "others": "import pytest\ndef test_it():\n    pytest.skip('needs AGIR_DATA')\ndef test_that(): ...",
}


@pytest.mark.parametrize("name, fails", [("opengl", True), ("module", True), ("marked", True), ("others", False)])
def test_a_skip(tmp_path, name, fails):
    (tmp_path / f"test_{name}.py").write_text(FILES[name] + "\n")
    (tmp_path / "test_fine.py").write_text("def test_fine(): ...\n")
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(tmp_path), "-p", "conftest", str(tmp_path)]
    for ci in ("true", ""):
        environment = os.environ | {"CI": ci, "PYTHONPATH": str(TESTS)}
        result = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
        assert "1 skipped" in result.stdout, result.stdout + result.stderr
        assert (result.returncode != 0) == (fails and ci == "true"), result.stdout
        assert ("CI=true allows no such skip" in result.stdout) == (fails and ci == "true")
