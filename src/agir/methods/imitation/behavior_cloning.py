"""Behaviour cloning (Pomerleau 1989; heads and conventions of robomimic, Mandlekar et al. 2021, arXiv 2108.03298).

    mse       min_f   E |f(o) - a|^2
    gaussian  max_p   E log N(a; mean(o), deviation(o)^2)
    mixture   max_p   E log sum_m w_m(o) N(a; mean_m(o), deviation_m(o)^2)
    choices   max_p   E log p(a | o)                                             (for the parts of an action that are not numbers)

o is a history of observations, a a chunk of actions; a mixture's mode is drawn once for a whole chunk.

Deviations from robomimic: two layers of 256 instead of 1024, the rate warms up and falls by a cosine to 0 instead of staying at
1e-4, the means of "mse" and "gaussian" are not squashed by tanh (the acting policy clips), an action may be a chunk.
"""

from agir.training.clone_method import CloneMethod


class BehaviorCloning(CloneMethod):
    """All that is said above is shared with other methods: agir.training.clone_method."""
