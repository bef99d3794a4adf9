"""The presets of planar: scenes with their settings, the measured success of their demonstrators, and what each can and cannot show."""

from typing import NamedTuple

from agir.tasks.planar.fitting import Insert, Wipe
from agir.tasks.planar.paths import Lane, Strokes
from agir.tasks.planar.pushing import Grasp, Push
from agir.tasks.planar.scenes import Goals, Reach, Reach3, Scene

ABOUT = "push, reach, insert, wipe, draw on a small table: planar/PRESET; seen as a state, tokens, keypoints or images"


class Preset(NamedTuple):
    scene: type[Scene]
    settings: dict
    rate: float  # of the demonstrator's successes, measured over 4096 episodes
    shows: str


COMMON = {"observe": "state", "image": 32, "views": 1, "vary": 0.0, "embodiment": "point", "control": "velocity", "steps": 60}
COMMON |= {"noise": 0.003, "speed": 0.8, "uneven": 0.0, "modes": 1, "slip": 0.0, "inertia": 0.0}
REACH = COMMON | {"distractors": 0, "region": "all"}
PUSH = COMMON | {"distractors": 0, "region": "all", "shape": "disc", "friction": 0.3, "steps": 150}

PRESETS: dict[str, Preset] = {
    "reach": Preset(
        Reach,
        REACH,
        1.0,
        "Noise of the demonstrator against noise of the system, speed, modes, goals outside the training region. "
        "Nothing resists the hand, so it cannot show that errors compound (see lane) or what contact does.",
    ),
    "reach-tokens": Preset(
        Reach,
        REACH | {"observe": "tokens", "distractors": 3},
        1.0,
        "Finding the goal among tokens in an order that means nothing, and more distractors than were trained with. "
        "One thing matters in each scene: it cannot show reasoning over relations.",
    ),
    "two-views": Preset(
        Reach3,
        REACH | {"observe": "keypoints", "views": 2, "embodiment": "gripper"},
        1.0,
        "A hand and a gripper that share keypoints in two calibrated views, above the table: one view does not give the height. "
        "Keypoints are exact and never hidden, so it cannot show robustness to a detector.",
    ),
    "goals": Preset(
        Goals,
        COMMON | {"goal": 0},
        1.0,
        "Data of several tasks that share a world, seven of eight harmful to the one that is meant; another goal by another set of "
        "demonstrations. The goal is in no observation, so it cannot show goal-conditioning.",
    ),
    "push": Preset(
        Push,
        PUSH,
        1.0,
        "Contact: a disc that slides off a pusher which is not right behind it. "
        "It is quasi-static and cannot show momentum: nothing rolls away.",
    ),
    "push-box": Preset(
        Push,
        PUSH | {"shape": "box", "steps": 200},
        1.0,
        "The same with a body that turns. Its angle at the goal does not matter, so it cannot show precise placing.",
    ),
    "grasp": Preset(
        Grasp,
        PUSH | {"embodiment": "gripper"},
        1.0,
        "A second kind of action (the fingers) that must come at the right place. "
        "The gripper does not turn and holds only discs: it cannot show grasps at an angle.",
    ),
    "insert": Preset(
        Insert,
        COMMON | {"clearance": 0.004, "blind": 0.0, "disturb": 0.0, "steps": 120},
        1.0,
        "Free motion and then precision (the peg has 2 mm on each side); with blind= or disturb= a search by touch. "
        "The peg does not turn: it cannot jam.",
    ),
    "wipe": Preset(
        Wipe,
        COMMON | {"disturb": 0.02, "control": "position", "steps": 100},
        1.0,
        "Reacting to a force within a chunk: the surface jumps, and a command that was right presses too hard or not at all. "
        "With control=velocity it cannot show that, as strides count from where the hand is.",
    ),
    "lane": Preset(
        Lane,
        COMMON | {"width": 0.03, "inertia": 0.8, "slip": 0.002, "speed": 0.5, "steps": 150},
        1.0,
        "Errors that compound: a sluggish hand, shaken by the system, in a lane that ends the episode where it is left. "
        "The lane's shape is new in each episode, so it cannot be learnt by heart.",
    ),
    "strokes": Preset(
        Strokes,
        COMMON | {"region": "all", "word": "", "noise": 0.002, "steps": 80},
        1.0,
        "Motions made of parts: 216 words of three strokes, a quarter of them held out (region=outside). "
        "The word is observed letter by letter: it cannot show that the parts are found where none are named.",
    ),
}
