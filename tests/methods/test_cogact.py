"""CogACT, and ensembles of plans of any trained policy."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from methods.fitting import NUMBERS, acts, fit, learner, two_ways

from agir.core.errors import BadSetting
from agir.methods.imitation.coa import CoA
from agir.methods.imitation.cogact import CogACT
from agir.methods.imitation.ensemble import Ensemble
from agir.methods.imitation.rti_dp import WarmPlanner
from agir.runtime.executors import Agreeing


def ensemble(policy, **settings):
    method = dataclasses.replace(Ensemble(base=policy, **settings), spec=NUMBERS)
    return method.policy(method.init(jax.random.key(0)))


def test_two_ways_are_kept_apart_where_only_plans_that_agree_are_averaged():
    settings = {"network": "mlp", "width": 64, "depth": 2, "horizon": 4, "steps": 20, "plans": 4, "rate": 5e-3, "warmup": 20}
    method = learner(CogACT, updates=800, guidance=1.0, alpha=50.0, **settings)
    state, _ = fit(method, lambda key: two_ways(key, batch=64), 800)
    policy = method.policy(state)
    assert isinstance(policy, Agreeing) and policy.planner.model.generator.passes == 20
    many = {"agreeing": policy, "alike": ensemble(policy, plans=4, alpha=0.0), "fixed": ensemble(policy, how="temporal", decay=0.0)}
    drawn = {name: acts(one, jnp.ones((6, 2)), 64)[:, 3:, 0] for name, one in many.items()}
    assert jnp.abs(jnp.abs(drawn["agreeing"]) - 0.6).mean() < 0.08
    assert 0.25 < (drawn["agreeing"][:, 0] > 0).mean() < 0.75
    assert (
        0.3 < (drawn["agreeing"][:, 1:] > 0)[drawn["agreeing"][:, :-1] > 0].mean() < 0.7
    )  # the newest plan's way, whatever the last one's
    np.testing.assert_allclose(drawn["alike"], drawn["fixed"], atol=1e-4)  # 4 plans of 4 actions: all that say anything of now
    assert jnp.abs(drawn["fixed"]).mean() < 0.3  # of four coins: 0.6 * 3/8


def test_what_an_ensemble_takes_and_refuses():
    method = learner(CogACT, network="mlp", width=8, depth=1, execute=2)
    policy = method.policy(eqx.filter_jit(method.init)(jax.random.key(0)))
    assert type(policy).__name__ == "Receding"
    warmed = dataclasses.replace(policy, planner=WarmPlanner(NUMBERS, policy.planner.model, 2, 2))
    with pytest.raises(BadSetting, match="plans with a WarmPlanner"):
        ensemble(warmed)
    with pytest.raises(BadSetting, match="adaptive, temporal, ends or receding, not 'median'"):
        ensemble(policy, how="median")
    with pytest.raises(BadSetting, match="say where they end, and a Planner's fill the chunk"):
        ensemble(policy, how="ends")


@pytest.mark.parametrize(("execute", "other"), [(0, 2), (2, 0)])
def test_a_chain_of_actions_acts_by_either_executor_whichever_it_was_trained_with(execute, other):
    def chain(execute):
        method = learner(CoA, reach=6, width=8, depth=1, execute=execute)
        return method.policy(eqx.filter_jit(method.init)(jax.random.key(0)))

    settings = {"how": "receding", "execute": other} if other else {"how": "ends", "decay": 0.01}
    changed = ensemble(chain(execute), **settings)
    seen = jnp.linspace(-1, 1, 12).reshape(6, 2)
    np.testing.assert_array_equal(acts(changed, seen, 4), acts(chain(other), seen, 4))
    assert np.any(np.asarray(acts(changed, seen, 4)) != np.asarray(acts(chain(execute), seen, 4)))
