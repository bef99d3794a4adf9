"""Begins or goes on with one run after another, until a signal or the end: `python killable.py FOLDER TASK:METHOD...`."""

import sys

from training import toys

from agir.training.train import resume, train


def main(folder: str, *which: str) -> None:
    toys.register()
    for name in which:
        task, _, method = name.partition(":")
        run = f"{folder}/{name.replace('/', '-').replace(':', '-')}"
        try:
            resume(run, updates=None)
        except Exception as error:
            if "There is no run" not in str(error):
                raise
            train(task, method, seeds=2, run=run, checkpoint_s=0.0, updates=600, selections=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
