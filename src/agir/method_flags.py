"""A method's fields as flags: a dataclass made for tyro from what training/settings.py finds."""

import dataclasses
import inspect
import pathlib
import sys
from typing import Annotated, Any

import tyro

from agir.core import registry
from agir.core.errors import BadSetting
from agir.core.stages import about_given, givens
from agir.flags import optional
from agir.training.settings import Setting, settings_of
from agir.training.train import wanted_data

COMMON: list[tuple[str, Any, Any, str]] = [  # name, type, default, help
    ("seeds", int, 1, "how many seeds are trained at once"),
    ("data", str | None, None, "demonstrations: a file, a folder, hub:ORG/NAME, or task:NAME[@EPISODES]; several with ' + ' between"),
    ("demonstrations", int | None, None, "episodes asked of the task's own expert where no data are given"),
    ("labelled", int | None, None, "episodes that keep their actions, the first ones; the others' are made unknown (action-free)"),
    ("run", pathlib.Path | None, None, "the run's folder (runs/TASK-METHOD-N)"),
    ("normalize", str, "limits", "observations and actions: limits, standard or none"),
    ("validation_share", float, 0.1, "share of the episodes held out"),
    ("selections", int | None, None, "evaluations on the way, in episodes of their own (10 for learners that act in compiled tasks)"),
    ("selection_episodes", int, 20, "episodes of each of them, a seed"),
    ("log_to", str | None, None, "also write metrics to 'tensorboard' or 'wandb' (extras)"),
]


def parse(task: str, method: str, argv: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """-> what `train` is asked beside the settings, and the settings that differ from the defaults."""
    learner = registry.find("method", method)()
    settings = settings_of(learner)
    others = [f"{name}_data" for name in sorted(wanted_data(learner))]
    fields = [_given(learner, name) for name in givens(learner)]
    fields += [_field(name, str | None, None, f"the second dataset, '{name.removesuffix('_data')}': as --data") for name in others]
    fields += [_setting("updates", settings["updates"]), *(_field(*one) for one in COMMON)]  # what is asked most comes first
    fields += [_setting(name, setting) for name, setting in settings.items() if name != "updates"]
    kind = dataclasses.make_dataclass("Settings", fields)
    about = inspect.getdoc(sys.modules[type(learner).__module__]) or registry.names("method")[method]
    # not as a docstring, of which tyro would dedent the first equation
    given = tyro.cli(kind, prog=f"agir train {task} {method}", args=argv, description=about)
    values = {name.replace("__", "."): getattr(given, name) for name in (f.name for f in dataclasses.fields(given))}
    asked = {name: values[name] for name, _, default, _ in COMMON if values[name] != default}
    chosen = {name: read(name, setting, values[name]) for name, setting in settings.items() if values[name] != _default(setting)}
    brought = {name: values[name] for name in [*givens(learner), *others] if values[name] is not None}
    return asked, chosen | brought


def _given(learner: Any, name: str) -> tuple:
    stage = "; learnt first where none is given" if getattr(learner, name) is not None else " (required)"
    return _field(name, str | None, None, about_given(learner, name) + stage, "RUN")


def _field(name: str, kind: Any, default: Any, about: str, metavar: str = "") -> tuple:
    said = {"help_behavior_hint": ""} if default is None else {"metavar": metavar or kind.__name__.upper()}
    kind = Annotated[optional(kind, metavar) if default is None else kind, tyro.conf.arg(help=about or None, **said)]
    return name, kind, dataclasses.field(default=default)


def _setting(name: str, setting: Setting) -> tuple:
    """Floats (or comma-separated lists of them: a sweep) and tuples are read as text by `read`."""
    more: dict[str, Any] = {"name": name} if "." in name else {}
    if setting.kind in (float, tuple):
        metavar = "FLOAT[,...]" if setting.kind is float else "A,B,..."
        kind = Annotated[str, tyro.conf.arg(help=setting.about or None, metavar=metavar, **more)]
    else:
        kind = Annotated[setting.kind, tyro.conf.arg(help=setting.about or None, **more)]
    return name.replace(".", "__"), kind, dataclasses.field(default=_default(setting))


def _default(setting: Setting) -> Any:
    if setting.kind is float:
        return f"{setting.value:g}"
    return ",".join(map(str, setting.value)) if setting.kind is tuple else setting.value


def read(name: str, setting: Setting, text: Any) -> Any:
    """The value of a flag: a list of floats is a sweep; raises BadSetting."""
    if setting.kind not in (float, tuple):
        return text
    number = float if setting.kind is float else type(setting.value[0]) if setting.value else int
    try:
        values = [number(part) for part in text.split(",")]
    except ValueError as error:
        raise BadSetting(f"--{name} should be {number.__name__}s with commas between, not '{text}'.") from error
    if setting.kind is tuple:
        return tuple(values)
    return values[0] if len(values) == 1 else values
