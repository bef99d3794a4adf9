"""Your own tasks, methods, networks, parts, readers and claims, by name.

    @agir.register.method("my-method", "one line for the listing")
    class MyMethod(Method): ...

From then on the name works wherever a name does: `agir.train(task, "my-method")`, or `agir train TASK my-method` in a program
that imports this one. An installed package does the same without being imported, by an entry point of the group
`agir.methods` (`agir.tasks`, `agir.networks`, `agir.parts`, `agir.readers`, `agir.claims`): `my-method = "my_package.module:MyMethod"`.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from agir.core import registry

Thing = TypeVar("Thing")


def _into(kind: str, name: str, about: str) -> Callable[[Any], Any]:
    return lambda thing: registry.add(kind, name, thing, about)


def task(name: str, about: str = "") -> Callable[[Thing], Thing]:
    """A `Task` class, or a function that makes one; its parameters are the options that can stand in the name."""
    return _into("task", name, about)


def method(name: str, about: str = "") -> Callable[[Thing], Thing]:
    """A subclass of `Method`."""
    return _into("method", name, about)


def network(name: str, about: str = "") -> Callable[[Thing], Thing]:
    """A network that methods can be asked to use."""
    return _into("network", name, about)


def part(name: str, about: str = "") -> Callable[[Thing], Thing]:
    """A source, a stage or another module of your own that a method is given: a bundle that holds it can then be loaded."""
    return _into("part", name, about)


def reader(name: str, about: str = "") -> Callable[[Thing], Thing]:
    """A class with `recognises(path)` and `read(path, task)`, which gives a `Dataset`."""
    return _into("reader", name, about)


def claim(name: str, about: str = "") -> Callable[[Thing], Thing]:
    """A `Claim`, or a function that makes one."""
    return _into("claim", name, about)
