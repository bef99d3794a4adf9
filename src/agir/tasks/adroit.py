"""Adroit: a hand on an arm, 28 joints in all, opens a door (Rajeswaran et al. 2018, DAPG; the simulator is gymnasium-robotics').

The 25 human demonstrations are not part of agir. They are given with `--data PATH`: a file `door_human.npz` with `observations`
[rows, 39], `actions` [rows, 28], `rewards` [rows], `episode_ends` and, to replay them, where the door's frame stood,
`door_body_pos` [episodes, 3].
"""

import contextlib
import dataclasses
import io
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from agir.core.errors import BadData, Missing
from agir.core.spaces import Box, Meaning, Spec
from agir.data.dataset import Dataset
from agir.data.readers import cut, require_task
from agir.data.store import npz_arrays, npz_names
from agir.tasks.gym import space_to_gymnasium
from agir.tasks.options import Optioned

OPEN_RAD = 1.35  # the task is done where the door is open this far
LATCH, HINGE = 27, 28  # where the observation has the latch's and the door's angle; before them are 27 of the hand's 28 joints
PALM_FROM_HANDLE = slice(35, 38)
DOOR_SPEC = Spec(Box((39,)), Box((28,), -1.0, 1.0), Meaning("absolute", "", "joint", 100.0))
FINGERS = {  # bodies and the site at the tip
    "ff": ("ffproximal", "ffmiddle", "ffdistal", "S_fftip"),
    "mf": ("mfproximal", "mfmiddle", "mfdistal", "S_mftip"),
    "rf": ("rfproximal", "rfmiddle", "rfdistal", "S_rftip"),
    "lf": ("lfmetacarpal", "lfproximal", "lfmiddle", "lfdistal", "S_lftip"),
    "th": ("thproximal", "thmiddle", "thdistal", "S_thtip"),
}


class DoorWorld(gymnasium.Wrapper):
    """The simulator with the reward of the paper and the door's angle in `info`."""

    def __init__(self, env: gymnasium.Env):
        super().__init__(env)
        self.observation_space, self.action_space = space_to_gymnasium(DOOR_SPEC.observation), space_to_gymnasium(DOOR_SPEC.action)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        return self.env.reset(seed=seed, options=options)[0].astype(np.float32), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        observation, _, _, cut, _ = self.env.step(np.clip(action, -1.0, 1.0))
        angle = float(observation[HINGE])
        info = {"success": angle >= OPEN_RAD, "hinge_rad": angle}
        return observation.astype(np.float32), self._reward(observation, angle), False, cut, info

    def _reward(self, observation: np.ndarray, angle: float) -> float:
        """DAPG's. (gymnasium-robotics 1.2.1 to 1.4.2 rewards the distance to the handle instead of punishing it.)"""
        reward = -0.1 * np.linalg.norm(observation[PALM_FROM_HANDLE]) - 0.1 * (angle - 1.57) ** 2
        reward -= 1e-5 * np.square(self.unwrapped.data.qvel).sum()
        return float(reward + 2.0 * (angle > 0.2) + 8.0 * (angle > 1.0) + 10.0 * (angle > OPEN_RAD))

    def place(self, observation: np.ndarray, door: np.ndarray) -> np.ndarray:
        """Puts the simulator at rest into a recorded observation [39], with the door's frame at `door` [3] -> the observation."""
        position = np.zeros(30)
        position[1:28], position[28], position[29] = observation[:27], observation[HINGE], observation[LATCH]
        state = {"qpos": position, "qvel": np.zeros(30), "door_body_pos": np.asarray(door, np.float64)}
        self.unwrapped.set_env_state(state)
        return self.unwrapped._get_obs().astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Adroit(Optioned):
    """`adroit/door`: turn the handle and open the door within 300 steps (3 s at 100 Hz); human demonstrations with `--data`.

    Observation (39): 27 joints of arm and hand, latch, hinge, palm, handle, palm minus handle, and whether the door is open past
    1 rad. Action (28): where each joint shall go, in shares of its range, clipped to [-1, 1]. The episode goes on after the
    success, a hinge angle of 1.35 rad. The human demonstrations, replayed, all open the door past 1 rad but only 8 of 25 past
    1.35 rad, so the angle says more: `info["hinge_rad"]`, of which an evaluation has the largest, `max_hinge_rad`. They begin with
    the arm already on its way, up to 0.4 from the simulator's start.
    """

    variant: str

    family = "adroit"
    variants = ("door",)
    about = "a hand of 28 joints opens a door (human demonstrations with --data)"
    compiled = False
    horizon = 300  # the simulator's own is 200, but the people took 223 to 300 steps
    infos = ("success", "hinge_rad")
    spec = DOOR_SPEC

    def make(self) -> gymnasium.Env:
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # it tells of its rewards (see DoorWorld)
                from gymnasium_robotics.envs.adroit_hand.adroit_door import AdroitHandDoorEnv
        except ImportError as error:
            raise Missing.extra("The Adroit simulator", "robots", error) from error
        return DoorWorld(gymnasium.wrappers.TimeLimit(AdroitHandDoorEnv(), self.horizon))

    def demonstrations(self, episodes: int, first: int = 0) -> Dataset:
        raise Missing(
            "The door's demonstrations were recorded by people and are not part of agir: pass --data PATH/door_human.npz "
            "(`python -m pydoc agir.tasks.adroit` says what stands in it)."
        )

    def replay(self, dataset: Dataset, episodes: int | None = None) -> dict[str, np.ndarray]:
        """-> "widest_rad" (float [episodes]) and "success" (bool). Raises BadData where the dataset has no column `door` [rows, 3]."""
        if "door" not in dataset.columns:
            raise BadData("To replay the door the dataset needs the column 'door' [rows, 3]: where the door's frame stands.")
        widest = []
        env = self.make()
        for index in range(dataset.episodes if episodes is None else min(episodes, dataset.episodes)):
            episode = dataset.episode(index)
            env.reset(seed=0)
            env.place(episode["observation"][0], episode["door"][0])
            widest.append(max(env.step(action)[4]["hinge_rad"] for action in episode["action"]))
        env.close()
        return {"widest_rad": np.array(widest), "success": np.array(widest) >= OPEN_RAD}

    def scene(self) -> dict:
        return {"view": "3d", "bounds": [[-0.5, 0.5], [-0.8, 0.5], [0.0, 0.6]], "shapes": []}

    def shapes(self, state: gymnasium.Env) -> list[dict]:
        model, data = state.unwrapped.model, state.unwrapped.data
        place = lambda name: data.site(name) if name.startswith("S_") else data.body(name)
        spot = lambda name: place(name).xpos.tolist()
        line = lambda names: {"kind": "line", "points": [spot(name) for name in names], "width": 0.015, "role": "agent"}
        arm = line(("forearm", "wrist", "palm"))
        fingers = [line(("palm", *joints)) for joints in FINGERS.values()]
        panel = next(i for i in range(model.ngeom) if model.geom_bodyid[i] == model.body("door").id and model.geom_type[i] == 6)
        wide, _, high = model.geom_size[panel]
        corners = np.array([[-wide, 0, -high], [wide, 0, -high], [wide, 0, high], [-wide, 0, high]])
        corners = data.geom_xpos[panel] + corners @ data.geom_xmat[panel].reshape(3, 3).T
        door = {"kind": "polygon", "points": corners.tolist(), "width": 0.01, "role": "object"}
        handle = {"kind": "circle", "points": [spot("S_handle")], "radius": 0.03, "role": "goal"}
        return [arm, *fingers, door, handle]


# ----------------------------------------------------------------------------------------------------- the data as a file
class DoorFile:
    """`door_human.npz`, or the folder it lies in; see the head of this file. The column `door` has the frame's place."""

    def recognises(self, path: Path) -> bool:
        return {"observations", "actions", "episode_ends", "door_body_pos"} <= set(npz_names(self._file(path)))

    def read(self, path: Path, task: Any = None) -> Dataset:
        task, path = require_task(task, path, "adroit"), self._file(path)
        observation, action, reward, ends, door = npz_arrays(path, "observations", "actions", "rewards", "episode_ends", "door_body_pos")
        if observation.shape != (len(action), 39) or len(door) != len(ends):
            raise BadData(
                f"{path}: observations {list(observation.shape)} and {len(door)} doors for {len(action)} actions, {len(ends)} ends."
            )
        columns = {
            "observation": observation,
            "action": np.clip(action, -1.0, 1.0),  # as the simulator does; recorded ones reach 1.37
            "reward": reward,
            "success": np.append(observation[1:, HINGE], 0.0) >= OPEN_RAD,  # after the action
            "door": np.repeat(door, np.diff(ends, prepend=0), axis=0),
        }
        return cut(columns, ends, task.spec, {"source": f"Adroit door (human, DAPG), {path.name}"}, path, goes_on=True)

    def _file(self, path: Path) -> Path:
        return path / "door_human.npz" if path.is_dir() else path
