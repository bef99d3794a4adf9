"""Compiled programs are given back before a process has more regions of memory than it may have."""

import jax
import jax.numpy as jnp
import pytest

from agir.core import programs

linux = pytest.mark.skipif(not programs.REGIONS.exists(), reason="no /proc here")


def regions() -> int:
    return len(programs.REGIONS.read_text().splitlines())


@linux
def test_programs_are_given_back_above_the_share_and_kept_below_it(tmp_path, monkeypatch):
    traced = []

    @jax.jit
    def double(x):
        traced.append(x)
        return 2 * x

    double(jnp.ones(3))
    limit = tmp_path / "max_map_count"
    limit.write_text(str(10 * regions()))
    monkeypatch.setattr(programs, "LIMIT", limit)
    assert not programs.give_back()
    double(jnp.ones(3))
    assert len(traced) == 1, "a tenth of what there may be is no reason to compile again"
    assert programs.give_back(share=0.05)
    assert double(jnp.ones(3)).tolist() == [2, 2, 2]
    assert len(traced) == 2


@linux
def test_what_is_given_back_are_regions():
    for number in range(1, 9):  # programs of several shapes, so of several regions
        jax.jit(lambda x, number=number: jnp.sin(x) * number)(jnp.ones(number))
    before = regions()
    assert programs.give_back(share=0.0)
    assert regions() < before


def test_where_no_limit_is_known_nothing_is_dropped(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "LIMIT", tmp_path / "none")
    assert not programs.give_back(share=0.0)
