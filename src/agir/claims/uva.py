"""One latent for actions and what will be seen, of which acting decodes the actions alone."""

from agir.claims.baselines import DDIM, REGRESSION, TWO_MODES, TWO_STEP, on_four_modes, part_on_four_modes
from agir.claims.claim import Arm, Claim, Part

UVA = Arm("uva", {"history": 2, "horizon": 16, "execute": 8, "batch": 128, "updates": 4000, "rate": 1e-3, "head_width": 128, "width": 64})

CLAIM = Claim(
    slug="uva",
    sentence="A latent learnt for actions and for what will be seen acts as well as Diffusion Policy, and no slower, because what will be "
    "seen is not decoded.",
    source="Li et al. 2025 (UVA), arXiv 2503.00200, tables I and II",
    method="uva",
    task=TWO_MODES,
    arms=on_four_modes({"UVA": UVA, "DDIM-10": DDIM, "two-step": TWO_STEP, "regression": REGRESSION}, "UVA", "DDIM-10"),
    parts=(
        *part_on_four_modes(Part("UVA is not worse than DDIM-10 by more than 5 points.", "UVA", "DDIM-10", "success", -0.05)),
        Part("A call of UVA takes less than 1.2 times one of DDIM-10.", "UVA", "DDIM-10", "ms_per_call", 1.2, below=True),
    ),
    asked={"demonstrations": 100},
    budget_s=3600,
    note="Not piloted. The trunk is a small transformer and the heads are MLPs; DDIM-10's network is one MLP. Its forward and "
    "inverse modes are not judged here: tests/methods/test_foresight_methods.py has them where the answers are known. Rows of before 29 "
    "November 2026 are of a trunk that norms alone told what is seen; since then it stands in each token, as in the paper's code.",
)
