"""What can be said of a scene, as data that captions are rendered from, and whether it is true."""

from __future__ import annotations

from vitstudio.core.record import Record
from vitstudio.world.relations import relation_holds
from vitstudio.world.scene import Scene, Solid

AND = "and"
"""In the place of a relation: both are there."""


class Phrase(Record):
    """Some solids of a scene: "two striped red cones".

    Attributes
    ----------
    shape, texture, colour : str or None
        None where it is not named.
    count : int or None
        Exactly so many; None ("a") says at least one.
    """

    shape: str | None = None
    texture: str | None = None
    colour: str | None = None
    count: int | None = None

    def fits(self, solid: Solid) -> bool:
        """Whether a solid has everything that is named."""
        return (
            (self.shape is None or self.shape == solid.shape)
            and (self.texture is None or self.texture == solid.texture)
            and (self.colour is None or self.colour == solid.colour)
        )

    def among(self, scene: Scene) -> list[Solid]:
        """The solids of a scene that it fits."""
        return [solid for solid in scene.solids if self.fits(solid)]


class Statement(Record):
    """A subject, perhaps where it is against others, perhaps the floor and the walls.

    Attributes
    ----------
    subject : Phrase
    relation : str or None
        Of `RELATIONS`, or `AND`; None where `other` is.
    other : Phrase or None
    floor, walls : str or None
        Textures.
    """

    subject: Phrase
    relation: str | None = None
    other: Phrase | None = None
    floor: str | None = None
    walls: str | None = None


def holds(scene: Scene, statement: Statement) -> bool:
    """Whether a statement is true however one reads it.

    Counts are exact over the whole scene, and a relation holds for all that are counted: "two cones
    left of a cube" needs exactly two cones, both clearly left of one and the same cube.
    """
    if not _room_fits(scene, statement):
        return False
    subjects = statement.subject.among(scene)
    if not _counts(statement.subject, len(subjects)):
        return False
    if statement.other is None or statement.relation is None:
        return True
    others = statement.other.among(scene)
    if not _counts(statement.other, len(others)):
        return False
    if statement.relation == AND:  # a solid that both fit would be counted twice
        return not any(statement.other.fits(solid) for solid in subjects)

    relation = statement.relation

    def related(solid: Solid, other: Solid) -> bool:
        return solid is not other and relation_holds(scene, relation, solid, other) is True

    # "A" is any of them, a count all of them.
    any_subject, any_other = statement.subject.count is None, statement.other.count is None
    if any_other and not any_subject:
        return any(all(related(solid, other) for solid in subjects) for other in others)
    of_subjects, of_others = (any if any_subject else all), (any if any_other else all)
    return of_subjects(of_others(related(solid, other) for other in others) for solid in subjects)


def denies(scene: Scene, statement: Statement) -> bool:
    """Whether a statement is false however one reads it.

    Not the opposite of `holds`: of three cones, two of which are left of a cube, "two cones left of
    a cube" is neither; nor is "left of" where a solid is a little to the left and far behind.
    """
    if not _room_fits(scene, statement):
        return True
    subject, other, relation = statement.subject, statement.other, statement.relation
    subjects = subject.among(scene)
    if other is None or relation is None:
        return not _counts(subject, len(subjects))
    others = other.among(scene)
    if relation == AND:
        return not (_counts(subject, len(subjects)) and _counts(other, len(others)))
    # How many subjects there are with that relation: at least, and at most.
    least = most = 0
    for solid in subjects:
        answers = [
            relation_holds(scene, relation, solid, one) for one in others if one is not solid
        ]
        sure, possible = answers.count(True), len(answers) - answers.count(False)
        if other.count is None:
            least, most = least + (sure > 0), most + (possible > 0)
        else:
            least += sure == possible == other.count
            most += sure <= other.count <= possible
    if subject.count is None:
        return most == 0
    return not least <= subject.count <= most


def _counts(phrase: Phrase, found: int) -> bool:
    return found > 0 if phrase.count is None else found == phrase.count


def _room_fits(scene: Scene, statement: Statement) -> bool:
    floor, walls = scene.floor.texture, scene.walls.texture
    return statement.floor in (None, floor) and statement.walls in (None, walls)
