"""A scene's objects are placed; where there is no room, what was read last is given up, and the scene says so."""

from dataclasses import replace

from ttom_pl.planners.geometry.arrangement import MOST_WORK, in_rows, search
from ttom_pl.planners.geometry.motions import Floats, Motion
from ttom_pl.planners.scene.actors import GrammarScene

_MANY, _MOST = 16, 24
_CROWD = (2.4, 2.0)
_LAST_WORK = 1_000_000
"""Work for a placement without relations and motions, once one with them took too much."""


def place(
    scene: GrammarScene, size: tuple[float, float], num_keyframes: int, displacement: float
) -> tuple[Floats, ...]:
    """Return the boxes (count, K, 4) of each actor.

    Actors that do not fit are left out of the scene. However many there are, the search takes at most
    ``MOST_WORK`` and what is left for a simpler one.

    Args:
        scene: the scene; doubts are added to it.
        size: width and height of an object of usual size, as fractions of the frame.
        num_keyframes: number of keyframes K.
        displacement: length of a move, as a fraction of the frame.
    """
    _merge_crowds(scene)
    bodies, relations, left = scene.bodies(size), tuple(scene.relations), MOST_WORK
    while True:
        arranged = search(bodies, relations, num_keyframes, displacement, left)
        if arranged.boxes is not None:
            return arranged.boxes
        if arranged.spent > left:
            break
        left -= arranged.spent
        if relations:
            scene.doubts.append((0.4, f"no room for the relation {relations[-1].kind!r}"))
            relations = relations[:-1]
        elif any(not body.motion.is_still for body in bodies):
            scene.doubts.append((0.6, "no room for the motions; the objects stay where they are"))
            bodies = tuple(replace(body, motion=Motion()) for body in bodies)
        else:
            scene.doubts.append((0.5, "no room for all objects; the last ones are left out"))
            scene.actors.pop()
            bodies = bodies[:-1]
    scene.doubts.append(
        (0.8, "places for all objects, motions and relations take too long to find; objects stand apart")
    )
    bodies = tuple(replace(body, motion=Motion()) for body in bodies)
    still = search(bodies, (), num_keyframes, displacement, _LAST_WORK)
    return still.boxes if still.boxes is not None else in_rows(bodies, num_keyframes)


def _merge_crowds(scene: GrammarScene) -> None:
    """Let one box stand for what is too many to be placed one by one."""
    for actor in scene.actors:
        if actor.count is not None and actor.count > _MANY:
            scene.doubts.append((0.5, f"{actor.count} objects are too many to place; one box stands for all"))
            actor.count, actor.scale = 1, _CROWD
    while sum(actor.count or 1 for actor in scene.actors) > _MOST:
        crowd = max(scene.actors, key=lambda actor: actor.count or 1)
        if (crowd.count or 1) == 1:
            break
        scene.doubts.append((0.5, f"too many objects to place; one box stands for {crowd.count}"))
        crowd.count, crowd.scale = 1, _CROWD
