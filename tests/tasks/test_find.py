"""Names to tasks: variants and options by name, and refusals that help."""

import dataclasses

import pytest

from agir.core.errors import BadSetting, UnknownName
from agir.core.nouns import Task
from agir.core.registry import add
from agir.tasks.find import task
from agir.tasks.options import Optioned, build, split


@dataclasses.dataclass(frozen=True)
class Toy(Optioned):
    """A task for this test."""

    family = "toy-for-find"
    variants = ("small", "large")

    variant: str = "small"
    gaps: int = 2
    noise: float = 0.1
    sparse: bool = False
    limit: int | None = None


class Foreign(Task):
    """Reads its own name."""

    @classmethod
    def from_name(cls, rest, **options):
        made = cls()
        made.asked = rest, options
        return made


add("task", "toy-for-find", Toy)
add("task", "foreign-for-find", Foreign)


def test_a_name_says_variant_and_options():
    assert split("") == ("", {})
    assert split("ALE/Pong-v5") == ("ALE/Pong-v5", {})
    assert split("large,gaps=3") == ("large", {"gaps": "3"})
    made = task("toy-for-find/large,gaps=3,noise=1e-3,sparse=yes,limit=7")
    assert made == Toy("large", 3, 1e-3, True, 7) == task("toy-for-find", variant="large", gaps=3, noise=1e-3, sparse=True, limit=7)
    assert made.name == "toy-for-find/large,gaps=3,noise=0.001,sparse=1,limit=7"
    assert task(made.name) == made
    assert task("toy-for-find").name == "toy-for-find" and task("toy-for-find/noise=1").noise == 1.0
    assert task("toy-for-find/limit=none").limit is None


def test_a_family_may_read_its_own_name():
    assert task("foreign-for-find/ALE/Pong-v5", frames=4).asked == ("ALE/Pong-v5", {"frames": 4})


@pytest.mark.parametrize(
    "name, options, error, says",
    [
        ("toy-for-fin", {}, UnknownName, "toy-for-find"),
        ("toy-for-find/lage", {}, UnknownName, "large"),
        ("toy-for-find/gasp=3", {}, UnknownName, "gaps"),
        ("toy-for-find", {"gasp": 3}, UnknownName, "gaps"),
        ("toy-for-find/gaps=3", {"gaps": 3}, BadSetting, "gaps: given in the name"),
        ("toy-for-find/gaps=3,gaps=4", {}, BadSetting, "stands twice"),
        ("toy-for-find/gaps=x", {}, BadSetting, "toy-for-find's gaps should be a value of type int, not 'x'"),
        ("toy-for-find", {"gaps": 2.5}, BadSetting, "not 2.5"),
        ("toy-for-find/sparse=perhaps", {}, BadSetting, "type bool"),
        ("toy-for-find/gaps=3,large", {}, BadSetting, "'large'"),
        ("toy-for-find/gaps=", {}, BadSetting, "'gaps='"),
    ],
)
def test_what_is_wrong_is_refused_by_name(name, options, error, says):
    with pytest.raises(error, match=says):
        task(name, **options)


def test_variants_where_there_are_none_and_none_where_there_must_be():
    with pytest.raises(BadSetting, match="has no variants"):
        build(lambda gaps=2: gaps, "plain", "large", {})
    with pytest.raises(BadSetting, match="plain/VARIANT"):
        build(lambda variant: variant, "plain", "", {})
