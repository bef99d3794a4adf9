"""Noise of the system in the data helps a clone; as much noise of the demonstrator does not."""

from agir.claims.claim import Arm, Claim, Part

SLIP_M = 0.005  # of each stride: the system's noise where all arms act, and in the "system" data
CARE = 10  # the lane's demonstrator takes care: a tenth of its noise reaches its strides
EVALUATED = f"planar/lane,noise=0,slip={SLIP_M}"
CLONE = {"head": "mse", "width": 256, "depth": 2, "batch": 128, "updates": 4000}
NETWORK = {"history": 1, "horizon": 1, "execute": 1, "network": "mlp", "width": 128, "depth": 2, "batch": 128, "updates": 4000}
DATA = {
    "clean": "task:planar/lane,noise=0,slip=0@{n}",
    "system": f"task:planar/lane,noise=0,slip={SLIP_M}@{{n}}",
    "demonstrator": f"task:planar/lane,noise={CARE * SLIP_M:g},slip=0@{{n}}",
}


def arms(episodes: int, method: str = "behavior-cloning", settings: dict | None = None, suffix: str = "") -> dict[str, Arm]:
    return {name + suffix: Arm(method, (settings or CLONE) | {"data": said.format(n=episodes)}) for name, said in DATA.items()}


CLAIM = Claim(
    slug="il-data-quality",
    sentence="A clone of demonstrations that the system shook succeeds more often, where it is shaken, than one of undisturbed "
    "demonstrations, and than one of demonstrations in which the demonstrator's own hand shook as much.",
    source="Belkhale et al. 2023, arXiv 2306.02437, sections 4.2 and 5.1, figure 2",
    method="behavior-cloning",
    task=EVALUATED,
    arms=arms(10) | arms(10, "two-step-regression", NETWORK, ", two-step"),
    parts=(
        Part("Noise of the system: more often than undisturbed data.", "system", "clean", "success", 0.0),
        Part(
            "The system's noise: more often than as much of the demonstrator's, by more than 10 points.",
            "system",
            "demonstrator",
            "success",
            0.10,
        ),
        Part(
            "Two-step regression: the system's noise more often than the demonstrator's, by more than 5 points.",
            "system, two-step",
            "demonstrator, two-step",
            "success",
            0.05,
        ),
    ),
    asked={},
    budget_s=1500,
    note="All arms act in the same shaken lane; only the data differ. Both noises are 5 mm of a stride (standard deviation): the system's "
    "is not in the recorded action, the demonstrator's is. Failed demonstrations are left out of all three. Pilot (3 seeds, 100 "
    "episodes): undisturbed 0.91, the system's noise 0.97, the demonstrator's 0.68.",
)
