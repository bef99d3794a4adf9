"""Where metrics go beside metrics.jsonl: TensorBoard or Weights & Biases, where asked."""

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from agir.core.errors import BadSetting, Missing
from agir.training.run import Run

KNOWN = ("tensorboard", "wandb")


@runtime_checkable
class Sink(Protocol):
    """Gets every row of metrics when it is written: `row` is of the whole run, `lanes` a dict of numbers for each of its lanes."""

    def write(self, row: dict, lanes: list[dict]) -> None: ...

    def close(self) -> None: ...


class TensorBoard:
    """One scalar for each metric and lane, in the run's folder `tensorboard`."""

    def __init__(self, run: Run):
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise Missing.extra("TensorBoard", "tensorboard", error) from error
        self.writer = SummaryWriter(str(run.folder / "tensorboard"))

    def write(self, row: dict, lanes: list[dict]) -> None:
        for name, value in scalars(row, lanes).items():
            self.writer.add_scalar(name, value, row["step"])

    def close(self) -> None:
        self.writer.close()


class WandB:
    """One run of the project "agir"; the environment variables of Weights & Biases (mode, entity, project) hold."""

    def __init__(self, run: Run):
        try:
            import wandb
        except ImportError as error:
            raise Missing.extra("Weights & Biases", "wandb", error) from error
        self.wandb = wandb.init(project="agir", name=run.name, dir=str(run.folder), config=run.asked, resume="allow", id=run.name)

    def write(self, row: dict, lanes: list[dict]) -> None:
        self.wandb.log(scalars(row, lanes) | {"step": row["step"]})

    def close(self) -> None:
        self.wandb.finish()


def scalars(row: dict, lanes: list[dict]) -> dict[str, float]:
    """{"validation/loss/seed=0": value}: a row's metrics, one name for each lane."""
    words = [",".join(f"{name}={value:g}" for name, value in lane.items()) for lane in lanes]
    found: dict[str, Any] = {}
    for name, values in row["metrics"].items():
        place = "/".join(part for part in (row["stage"].rstrip("/"), row["split"], name) if part)
        found |= {f"{place}/{word}": value for word, value in zip(words, values, strict=True) if value is not None}
    return found


def check(name: str | None) -> None:
    """Raises BadSetting for a sink that is not known."""
    if name is not None and name not in KNOWN:
        raise BadSetting(f"--log-to is {' or '.join(KNOWN)}, not '{name}'.")


@contextlib.contextmanager
def opened(name: str | None, run: Run, lanes: list[dict]) -> Iterator[None]:
    """Every row that the run logs goes to the sink too."""
    check(name)
    if name is None:
        yield
        return
    sink: Sink = {"tensorboard": TensorBoard, "wandb": WandB}[name](run)
    run.listeners.append(lambda row: sink.write(row, lanes))
    try:
        yield
    finally:
        run.listeners.pop()
        sink.close()
