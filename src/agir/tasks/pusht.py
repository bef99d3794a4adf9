"""Push-T: a disc pushes a T onto its outline (Chi et al. 2023, Diffusion Policy; the simulator is gym-pusht's).

The demonstrations are 206 human episodes that are not part of agir. They are given with `--data PATH`: a file `pusht_lowdim.npz` with
`state` [rows, 5] (agent x, y, block x, y, angle), `action` [rows, 2] and `episode_ends`, made from Diffusion Policy's
`pusht_cchi_v7_replay.zarr` by

    numpy.savez(file, state=z["data/state"][:], action=z["data/action"][:], episode_ends=z["meta/episode_ends"][:])

and for `pusht/image` beside it `pusht_img_uint8.npz` with `img` [rows, 96, 96, 3] (z["data/img"] as uint8).
"""

import contextlib
import dataclasses
import io
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from agir.core.errors import BadData, Missing
from agir.core.spaces import Box, Dict, Meaning, Spec
from agir.data.dataset import Dataset
from agir.data.readers import cut, require_task
from agir.data.store import npz_arrays, npz_names
from agir.tasks.gym import space_to_gymnasium
from agir.tasks.options import Optioned

SIZE = 512.0  # px: the world is a square of this
COVERED = 0.95  # of the goal's area: the task is done, and the reward full
NUMBERS, IMAGES = "pusht_lowdim.npz", "pusht_img_uint8.npz"
HERE = Box((2,), 0.0, SIZE)
SPECS = {
    "state": Box((6,), (0.0, 0.0, 0.0, 0.0, -1.0, -1.0), (SIZE, SIZE, SIZE, SIZE, 1.0, 1.0)),
    "image": Dict((("image", Box((96, 96, 3), 0.0, 255.0, "uint8")), ("agent", HERE))),
}


def seen(state: np.ndarray) -> np.ndarray:
    """[..., 5] with the block's angle in radians -> float32 [..., 6] with its sine and cosine instead."""
    state = np.asarray(state, np.float64)
    angle = state[..., 4:5]
    return np.concatenate([state[..., :4], np.sin(angle), np.cos(angle)], axis=-1).astype(np.float32)


class PushTWorld(gymnasium.Wrapper):
    """gym-pusht with agir's observations; `info` has the covered share of the goal."""

    def __init__(self, env: gymnasium.Env, spec: Spec):
        super().__init__(env)
        self.observation_space, self.action_space = space_to_gymnasium(spec.observation), space_to_gymnasium(spec.action)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        return self._see(self.env.reset(seed=seed, options=options)[0]), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        observation, _, _, cut, info = self.env.step(np.clip(np.asarray(action, np.float64), 0.0, SIZE))
        coverage = float(info["coverage"])
        success, reward = coverage >= COVERED, min(coverage / COVERED, 1.0)
        return self._see(observation), reward, success, cut and not success, {"success": success, "coverage": coverage}

    def place(self, state: np.ndarray) -> Any:
        """Puts a freshly reset simulator into a recorded state [5] -> the observation.

        The angle comes first: it turns the block about its centre of mass, which moves its position. (The simulator's own
        `reset_to_state` does it the other way round, as the first recorders' did, and lands up to 90 px off.)
        """
        world = self.unwrapped
        world.agent.position, world.agent.velocity = list(map(float, state[:2])), (0.0, 0.0)
        world.block.angle = float(state[4])
        world.block.position = list(map(float, state[2:4]))
        for body in (world.agent, world.block):  # or it is drawn, and touched, where it was
            world.space.reindex_shapes_for_body(body)
        return self._see(world.get_obs())

    def _see(self, observation: Any) -> Any:
        if isinstance(observation, dict):
            return {"image": observation["pixels"], "agent": observation["agent_pos"].astype(np.float32)}
        return seen(observation)


@dataclasses.dataclass(frozen=True)
class PushT(Optioned):
    """`pusht`: push the T onto its outline within 300 steps (30 s at 10 Hz); human demonstrations with `--data`.

    Observation: agent x, y and block x, y in pixels (y down), sine and cosine of the block's angle; `pusht/image`: an image of
    96 x 96 and the agent's place. Action: where the agent shall go, in pixels. Reward: the covered share of the goal over 0.95,
    at most 1; success, and the end, at a coverage of 0.95. The literature's score is the evaluation's `best_reward`, averaged over
    episodes.
    """

    variant: str = "state"

    family = "pusht"
    variants = ("state", "image")
    about = "a disc pushes a T onto its outline (human demonstrations with --data)"
    compiled = False
    horizon = 300
    infos = ("success", "coverage")

    @property
    def spec(self) -> Spec:
        return Spec(SPECS[self.variant], HERE, Meaning("absolute", "px", "screen", 10.0))

    def make(self) -> gymnasium.Env:
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # pygame greets
                from gym_pusht.envs.pusht import PushTEnv
        except ImportError as error:
            raise Missing.extra("The Push-T simulator", "robots", error) from error
        env = PushTEnv(obs_type="pixels_agent_pos" if self.variant == "image" else "state")
        return PushTWorld(gymnasium.wrappers.TimeLimit(env, self.horizon), self.spec)

    def demonstrations(self, episodes: int, first: int = 0) -> Dataset:
        raise Missing(
            "Push-T's demonstrations were recorded by people and are not part of agir: pass --data PATH/pusht_lowdim.npz "
            "(`python -m pydoc agir.tasks.pusht` says how to make the file from Diffusion Policy's recording)."
        )

    def replay(self, dataset: Dataset, episodes: int | None = None) -> dict[str, np.ndarray]:
        """-> "best_coverage" (float [episodes]) and "success" (bool). Raises BadData where the dataset has no column `state`
        [rows, 5] to start from.
        """
        if "state" not in dataset.columns:
            raise BadData("To replay Push-T the dataset needs the column 'state' [rows, 5]: agent x, y, block x, y, angle.")
        best = []
        env = self.make()
        for index in range(dataset.episodes if episodes is None else min(episodes, dataset.episodes)):
            episode = dataset.episode(index)
            env.reset(seed=0)
            env.place(episode["state"][0])
            best.append(max(env.step(action)[4]["coverage"] for action in episode["action"]))
        env.close()
        return {"best_coverage": np.array(best), "success": np.array(best) >= COVERED}

    def scene(self) -> dict:
        env = self.make()
        env.reset(seed=0)
        goal = tee(env, env.unwrapped.get_goal_pose_body(env.unwrapped.goal_pose), "goal")
        env.close()
        return {"view": "2d", "bounds": [[0.0, SIZE], [0.0, SIZE]], "shapes": goal}

    def shapes(self, state: gymnasium.Env) -> list[dict]:
        world = state.unwrapped
        agent = {"kind": "circle", "points": [_up(world.agent.position)], "radius": 15.0, "role": "agent"}
        return [*tee(state, world.block, "object"), agent]


def tee(env: gymnasium.Env, body: Any, role: str) -> list[dict]:
    """The two bars of the T at a body's pose."""
    bars = sorted(shape.get_vertices() for shape in env.unwrapped.block.shapes)  # a set, of another order in each simulator
    corners = ([body.local_to_world(corner) for corner in bar] for bar in bars)
    return [{"kind": "polygon", "points": [_up(corner) for corner in bar], "width": 1.0, "role": role} for bar in corners]


def _up(point: Any) -> list[float]:
    return [float(point[0]), SIZE - float(point[1])]  # the screen's y points down, a drawing's up


# ----------------------------------------------------------------------------------------------------- the data as files
class PushTFile:
    """`pusht_lowdim.npz`, `pusht_img_uint8.npz` beside it, or the folder of both; see the head of this file.

    The column `state` has the recorded state with the block's angle. Rewards were not recorded and are 0;
    an episode ends with the last action recorded (what it led to was not).
    """

    def recognises(self, path: Path) -> bool:
        numbers, images = files(path)
        return {"state", "action", "episode_ends"} <= set(npz_names(numbers)) or "img" in npz_names(images)

    def read(self, path: Path, task: Any = None) -> Dataset:
        task = require_task(task, path, "pusht")
        numbers, images = files(path)
        if not numbers.is_file():
            raise Missing(f"There is no {numbers.name} beside {images}: it has the states, the actions and where episodes end.")
        state, action, ends = npz_arrays(numbers, "state", "action", "episode_ends")
        if state.shape != (len(action), 5):
            raise BadData(f"{numbers}: state is {list(state.shape)}, not [{len(action)}, 5] like the actions.")
        if task.variant == "image":
            if not images.is_file():
                raise Missing(f"There is no {images.name} beside {numbers}: pusht/image needs its images.")
            observation = {"image": npz_arrays(images, "img")[0], "agent": state[:, :2]}
        else:
            observation = seen(state)
        about = {"source": f"Push-T (human, Diffusion Policy), {numbers.name}"}
        return cut({"observation": observation, "action": action, "state": state}, ends, task.spec, about, numbers, goes_on=False)


def files(path: Path) -> tuple[Path, Path]:
    """-> where the numbers and the images are, for a path to either of them or to their folder."""
    folder = path if path.is_dir() else path.parent
    if path.is_dir() or path.name == IMAGES:
        return folder / NUMBERS, folder / IMAGES
    return path, folder / IMAGES
