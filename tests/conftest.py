"""Strict: shapes are checked at run time, our warnings are errors, no implicit promotion of ranks or dtypes."""

import gc
import os
import tempfile

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("MUJOCO_GL", "egl")

WORKER = os.environ.get("PYTEST_XDIST_WORKER")  # gw0, gw1, ...: with -n N
if WORKER and hasattr(os, "sched_setaffinity"):  # two workers on all cores take each other's time; before JAX counts its cores
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[int(WORKER[2:]) % len(cores)]})

from jaxtyping import install_import_hook  # noqa: E402

install_import_hook("agir", "beartype.beartype")

import equinox as eqx  # noqa: E402
import jax  # noqa: E402
import pytest  # noqa: E402

from agir.core import registry  # noqa: E402

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

# XLA's older emitter of fused loops compiles in half of the time; processes that tests start have the one that users have.
with pytest.MonkeyPatch.context() as patch:
    patch.setenv("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false", prepend=" ")
    jax.devices()  # reads it

# What a file of tests compiled the next need not compile again, down to the smallest operation; kept until this process ends.
COMPILED = tempfile.TemporaryDirectory(prefix="agir-tests-", ignore_cleanup_errors=True)
jax.config.update("jax_compilation_cache_dir", COMPILED.name)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.fixture(autouse=True, scope="module")
def compiled_programs(request):
    """Each file of tests gives back the memory of what it had compiled: all of them together would take many GB.

    Most of the tests' time is compiling, so what runs in their own process is optimised little (files one by one: 10 to 40% less
    processor time); files marked `optimised`, about bits that must be the same, and processes that tests start compile as users do.
    """
    jax.config.update("jax_disable_most_optimizations", request.node.get_closest_marker("optimised") is None)
    yield
    eqx.clear_caches()
    jax.clear_caches()
    gc.collect()


@pytest.fixture(autouse=True)
def own_names():
    """What a test registers is gone when it ends: tests that go through all names must not meet it."""
    before = {kind: dict(things) for kind, things in registry._added.items()}
    yield
    registry._added.update(before)


LONGEST = ("test_resume.py", "test_demo.py", "test_ppo.py", "test_loop.py", "test_cli.py")  # these files begin first, so none is left alone


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


NEVER_SKIPPED_IN_CI = ("needs OpenGL", "needs Chromium", "needs uv")  # .ci/run brings them, so their absence is a failure there


def _skips_that_fail(config: pytest.Config) -> list[str]:
    if os.environ.get("CI") != "true":
        return []
    skipped = config.pluginmanager.get_plugin("terminalreporter").stats.get("skipped", [])
    reasons = [(report.nodeid, report.longrepr[2].removeprefix("Skipped: ")) for report in skipped]
    return [f"{test}: {reason}" for test, reason in reasons if reason.startswith(NEVER_SKIPPED_IN_CI)]


@pytest.hookimpl(tryfirst=True)  # before the terminal reporter prints its summary
def pytest_sessionfinish(session: pytest.Session) -> None:
    if (
        not hasattr(session.config, "workerinput")
        and _skips_that_fail(session.config)
        and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter) -> None:
    for line in _skips_that_fail(terminalreporter.config):
        terminalreporter.write_line(f"FAILED {line} (CI=true allows no such skip)", red=True)
