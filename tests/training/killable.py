"""Begins or goes on with one run after another, until a signal or the end: `python killable.py FOLDER TASK:METHOD[:SETTINGS]...`."""

import json
import sys

from training import toys

from agir.core.cache import enable
from agir.core.errors import BadSetting
from agir.training.train import resume, train


def main(folder: str, *which: str) -> None:
    enable()
    toys.register()
    for name in which:
        task, method, settings = (*name.split(":", 2), "{}")[:3]
        run = f"{folder}/{task.replace('/', '-')}-{method}"
        try:
            resume(run)
        except BadSetting as error:
            if "There is no run" not in str(error):
                raise
            train(task, method, seeds=2, run=run, checkpoint_s=0.0, selections=0, demonstrations=4, **json.loads(settings))


if __name__ == "__main__":
    main(*sys.argv[1:])
