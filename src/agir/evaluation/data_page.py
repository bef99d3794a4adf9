"""A page about a dataset: its figures, where along the episodes it disagrees with itself, and what the doctor found."""

import numpy as np

from agir.data.quality import PARTS, Unexplained
from agir.data.show import MEASURES, Inspection
from agir.evaluation.drawing import Chart, Curve, Curves
from agir.evaluation.report import Highlight, Origin, Report, SmallPrint, Verdict

ALONG = (
    "The same measures in each part of the episodes, from their begin to their end, in percent of the variance in all of them: a part in "
    "which more is done than elsewhere may have more than 100. Each part is measured by itself, so they do not add up to the whole."
)


def data_page(found: Inspection) -> Report:
    dataset, quality = found.dataset, found.quality
    made = {name: getattr(quality, name) for name in MEASURES if getattr(quality, name) is not None}
    highlights = [Highlight(str(dataset.episodes), "episodes", f"{dataset.rows} rows")]
    highlights += [Highlight(f"{100 * measure.share:.3g}%", *MEASURES[name]) for name, measure in made.items()]
    charts = [chart for name, measure in made.items() for chart in along(MEASURES[name][0], measure)]
    findings = [(f"{finding.severity}: {finding.where}", f"{finding.what}. {finding.mend}") for finding in found.findings]
    notes = tuple(found.facts.items())
    said = "Nothing looks wrong." if found.usable and not findings else f"{len(findings)} finding{'s' * (len(findings) > 1)}, listed below."
    return Report(
        str(dataset.about.get("source", "A dataset")),
        [
            Curves(charts, "Where recordings disagree", ALONG) if charts else None,
            SmallPrint(notes=tuple(findings), title="What looks wrong") if findings else None,
            SmallPrint(notes=notes, title="What it holds"),
        ],
        verdict=Verdict(said, "" if found.usable else "fails"),
        origin=Origin(versions=dataset.about.get("versions", {})),
        highlights=highlights,
    )


def along(name: str, measure: Unexplained) -> list[Chart]:
    """A chart over the parts that could be measured; none where fewer than two could."""
    known = np.flatnonzero(np.isfinite(measure.along))
    if len(known) < 2:
        return []
    curve = Curve(name, 100 * (known + 0.5) / PARTS, 100 * measure.along[known])
    return [Chart(name, [curve], "% of the variance", "% of the episode", logarithmic=False)]
