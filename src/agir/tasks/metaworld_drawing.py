"""MetaWorld's arm and table to be drawn: as lines from the simulator's state (no OpenGL), or as pictures (OpenGL)."""

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from agir.core.errors import Missing

CAMERAS = ("side", "corner", "corner2", "corner3", "topview", "behindGripper", "gripperPOV")
VIEW = {"lookat": (0.0, 0.68, 0.1), "distance": 1.15, "azimuth": 130.0, "elevation": -40.0}  # of "side"; metres, degrees
ARM = ("base", "right_l0", "right_l1", "right_l2", "right_l3", "right_l4", "right_l5", "right_l6", "hand")
NOT_OBJECTS = ("world", "tablelink", "RetainingWall", "base", "mocap")  # bodies that hang from these are table and robot
HIDDEN_GROUP = 3  # geoms from this group on are for collisions
CORNERS = np.array([[x, y, z] for z in (-1, 1) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))], float)
FACES = ((0, 1, 2, 3), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7))  # of a box, by its CORNERS


def scene() -> dict:
    table = [[-0.7, 0.2, 0.0], [0.7, 0.2, 0.0], [0.7, 1.0, 0.0], [-0.7, 1.0, 0.0]]
    bounds = [[-0.7, 0.7], [-0.15, 1.05], [0.0, 0.75]]
    return {"view": "3d", "bounds": bounds, "shapes": [{"kind": "polygon", "points": table, "width": 0.0, "role": "ground"}]}


def shapes(inner: Any) -> list[dict]:
    """The arm's skeleton, two fingers, every visible part of the objects, the goal; of MetaWorld's own environment."""
    settle(inner)
    model, data = inner.model, inner.data
    place = lambda *names: [data.body(name).xpos.tolist() for name in names]
    moving = [{"kind": "line", "points": place(*ARM), "width": 0.08, "role": "link"}]
    for side in ("right", "left"):
        tip = data.site(f"{side}EndEffector").xpos.tolist()
        moving.append({"kind": "line", "points": place("hand", f"{side}claw") + [tip], "width": 0.01, "role": "agent"})
    for geom in range(model.ngeom):
        root = model.body(model.body_rootid[model.geom_bodyid[geom]]).name
        if root not in NOT_OBJECTS and model.geom_group[geom] < HIDDEN_GROUP and model.geom_rgba[geom, 3] > 0:
            moving += [part | {"role": "object"} for part in _parts(model, data, geom)]
    goal = np.asarray(inner._target_pos, float)[:3].tolist()
    return [*moving, {"kind": "circle", "points": [goal], "radius": 0.02, "role": "goal"}]


def _parts(model: Any, data: Any, geom: int) -> list[dict]:
    """A ball as a circle, a rod as a line, anything else as the six faces of its bounding box."""
    import mujoco

    kind, size = model.geom_type[geom], model.geom_size[geom]
    centre, turn = data.geom_xpos[geom], data.geom_xmat[geom].reshape(3, 3)
    if kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        return [{"kind": "circle", "points": [centre.tolist()], "radius": float(size[0])}]
    if kind in (mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_CYLINDER):
        along = turn[:, 2] * size[1]
        return [{"kind": "line", "points": [(centre - along).tolist(), (centre + along).tolist()], "width": 2 * float(size[0])}]
    middle, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]  # in the geom's own frame
    corners: Float[np.ndarray, "8 3"] = centre + (middle + CORNERS * half) @ turn.T
    return [{"kind": "polygon", "points": corners[list(face)].tolist(), "width": 0.0} for face in FACES]


def settle(inner: Any) -> None:
    """Brings the places of bodies and of the goal's marker up to date with the state, which is left as it is.

    MetaWorld moves bodies after the reset's last forward pass, and its markers are put back by each one.
    """
    import mujoco

    mujoco.mj_kinematics(inner.model, inner.data)
    mujoco.mj_camlight(inner.model, inner.data)
    for name, place in inner._target_site_config:
        inner.data.site(name).xpos = place[:3]


def renderer(inner: Any, size: int) -> Any:
    """-> a renderer of pictures [size, size, 3]. Shadows, reflections and smoothing are off (ten times faster), which
    counts only before the first picture. Raises Missing where there is no OpenGL."""
    import mujoco

    model = inner.model
    model.vis.quality.shadowsize = model.vis.quality.offsamples = 0
    model.light_castshadow[:] = 0
    model.mat_reflectance[:] = 0
    try:
        return mujoco.Renderer(model, size, size)
    except Exception as error:  # whatever the system's OpenGL raises, of any type
        raise Missing(
            f"MetaWorld's images need OpenGL, and there is none ({type(error).__name__}: {error}). On Debian: apt-get install "
            "libegl1 libegl-mesa0 libgl1-mesa-dri libglvnd0, and set MUJOCO_GL=egl before Python starts."
        ) from error


def picture(inner: Any, renderer: Any, camera: str) -> UInt8[np.ndarray, "size size 3"]:
    import mujoco

    settle(inner)
    view: Any = camera
    if camera == "side":
        view = mujoco.MjvCamera()
        for name, value in VIEW.items():
            setattr(view, name, value)
    renderer.update_scene(inner.data, camera=view)
    return renderer.render()
