"""The latencies of every method of a table, all of one sitting on one machine, without training what the table trained.

    python benchmarks/latencies.py metaworld/pick-place --results docs/results/times-metaworld-pick-place.jsonl
    python benchmarks/latencies.py pusht --data pusht_lowdim.npz --results docs/results/times-pusht.jsonl

How long a policy takes follows from what it computes, not from the numbers that it learnt: so most methods make two updates of the
task's frozen budget here. Only a stage of 256 updates or fewer is whole (merged tokens, a schedule of passes): what it finds decides
how much is computed. So does all that a method of LEARNT has learnt (where a trajectory ends, how many tokens say a chunk, which skill
is chosen): one seed of it is trained as the budget says. One lane on one core, alone, in turns. docs/generate.py puts these times into
the table beside what was trained, perhaps on several machines; what the file's lines say of success is of hardly trained policies and
means nothing.
"""

import argparse
import dataclasses
import pathlib
import tempfile

from agir.tasks.find import task as find_task
from agir.training.budget import arms_of, shipped
from agir.training.comparison import Arm, measure, places, times
from agir.training.progress import Terminal
from agir.training.results import Results

WHOLE, FEW = 256, 2  # updates
LEARNT = ("coa", "fast", "prise")  # how many passes they make is learnt


def untrained(arm: Arm) -> Arm:
    if arm.method in LEARNT:
        return arm
    few = {name: count if count <= WHOLE else FEW for name, count in arm.settings.items()}
    return dataclasses.replace(arm, settings=few)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("methods", nargs="*", help="all of the budget where none is named")
    parser.add_argument("--data")
    parser.add_argument("--results", type=pathlib.Path, required=True)
    parser.add_argument("--folder", type=pathlib.Path, help="for the policies; with it a first call may make them beside other work")
    asked = parser.parse_args()
    task = find_task(asked.task)
    arms, _ = arms_of(shipped(task), task, tuple(asked.methods))
    results = Results(asked.results)
    with tempfile.TemporaryDirectory() as folder:
        data = {"data": asked.data} if asked.data else {}
        few = {name: untrained(arm) for name, arm in arms.items()}
        ready = places(asked.folder or pathlib.Path(folder), task, few, seeds=1, **data)
        found = times(measure(ready, episodes=2, purpose="pilot", reporter=Terminal()), results)
    for name, spent in found.items():
        print(f"{name:30} {spent.per_call.median_ms:8.3f} ms a call, {spent.per_action.median_ms:8.3f} ms an action")


if __name__ == "__main__":
    main()
