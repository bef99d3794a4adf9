"""The page: nothing from outside, nothing injected, and it works in a browser."""

import base64
import dataclasses
import hashlib
import html.parser
import json
import re

import numpy as np
import pytest
from evaluation.browser import browse, probe, screenshot
from evaluation.made_up import arm, report

from agir.core.errors import BadSetting
from agir.evaluation.report import Report, _anchors, page, write_report
from agir.evaluation.scenes import Camera, pack
from agir.evaluation.tables import Comparison, MethodRow

EVIL = (
    "</script><script>document.documentElement.dataset.pwned='yes'</script>",
    '"><img src=x onerror="document.documentElement.dataset.pwned=\'yes\'">',
    "' onmouseover='x' style='position:fixed",
    "<!--<script>",
    "]]>&lt;b&gt;\\u003cb\u2028\u202e\x00\x1b[31m",
    "${alert(1)}`{{7*7}}",
)


class Parsed(html.parser.HTMLParser):
    """Which elements with which attributes stand in a page, in their order, and the text of its scripts and styles."""

    def __init__(self, text: str):
        super().__init__()
        self.form, self.attributes, self.raw = [], [], []
        self.inside = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.form.append((tag, tuple(name for name, _ in attributes)))
        self.attributes += [(tag, name, value) for name, value in attributes]
        self.inside = (tag, dict(attributes)) if tag in ("script", "style") else None

    def handle_endtag(self, tag):
        self.form.append("/" + tag)
        self.inside = None

    def handle_data(self, data):
        if self.inside:
            self.raw.append((*self.inside, data))


def everywhere(thing, rename):
    """The same tree with every text in it renamed, but for words that have a meaning to the program."""
    if isinstance(thing, str):
        words = (
            "2d",
            "3d",
            "line",
            "polygon",
            "circle",
            "holds",
            "",
            "ground",
            "demonstration",
            "goal",
            "obstacle",
            "object",
            "link",
            "agent",
        )
        return thing if thing in words else rename(thing)
    if dataclasses.is_dataclass(thing):
        values = {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing)}
        return type(thing)(**{name: value if name == "frames" else everywhere(value, rename) for name, value in values.items()})
    if isinstance(thing, list | tuple):
        return type(thing)(everywhere(part, rename) for part in thing)
    if isinstance(thing, dict):
        return {key: everywhere(part, rename) for key, part in thing.items()}
    return thing


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_report(tmp_path_factory.mktemp("report") / "new" / "report.html", report())


def test_nothing_comes_from_elsewhere(written):
    parsed = Parsed(written.read_text())
    assert {tag for tag in parsed.form if tag[0] in ("link", "img", "iframe", "object", "embed", "base")} == set()
    asks = [entry for entry in parsed.attributes if entry[1] in ("src", "srcset", "action", "data", "poster", "ping") or "href" in entry[1]]
    assert asks and all(name == "href" and value.startswith("#") for _, name, value in asks)
    code = " ".join(text for _, _, text in parsed.raw)
    assert "@import" not in code and "url(" not in code and "fetch(" not in code and "XMLHttpRequest" not in code
    assert set(re.findall(r"\w+://[^\"'\s]*", code)) == {"http://www.w3.org/2000/svg"}


def test_the_policy_allows_only_the_script_that_is_there(written):
    parsed = Parsed(written.read_text())
    policy = next(value for _, name, value in parsed.attributes if name == "content" and "default-src" in value)
    scripts = [text for tag, attributes, text in parsed.raw if tag == "script" and "type" not in attributes]
    assert len(scripts) == 1
    assert f"script-src 'sha256-{base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none'")


@pytest.mark.parametrize("evil", EVIL)
def test_no_text_breaks_out_of_its_place(evil):
    """Whatever the texts are, the page has the same elements with the same attributes."""
    tame = everywhere(report(), lambda text: f"tame {text}")
    wild = everywhere(report(), lambda text: f"{evil} {text}")
    tame_page, wild_page = Parsed(page(tame)), Parsed(page(wild))
    assert wild_page.form == tame_page.form
    data = [json.loads(text) for tag, attributes, text in wild_page.raw if attributes.get("type") == "application/json"]
    assert data[0]["methods"][0]["name"] == f"{evil} flow"
    script = lambda parsed: [text for tag, attributes, text in parsed.raw if "type" not in attributes]
    assert script(wild_page) == script(tame_page)


def test_the_same_report_is_the_same_page():
    assert page(report()) == page(report())


def test_a_page_is_written_whole_or_not_at_all(tmp_path):
    path = write_report(tmp_path / "report.html", Report("First", []))
    broken = MethodRow("a", dataclasses.replace(report().sections[0].rows[0].success, low=np.nan))
    with pytest.raises(BadSetting, match="finite"):
        write_report(path, Report("Second", [Comparison([broken])]))
    assert "First" in path.read_text() and [p.name for p in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(BadSetting, match="report.html"):
        write_report(tmp_path / "folder", Report("x", []))


def test_titles_that_are_alike_have_ids_that_are_not():
    made = _anchors(["Rollouts", "Rollouts", "rollouts-1", "Été !", "ΩΩ", "ΩΩ", "Rollouts"])
    assert len(set(made)) == len(made) and all(re.fullmatch(r"[a-z0-9-]+", name) for name in made)


def test_without_scripts_there_is_a_still_of_every_method(written):
    text = written.read_text()
    assert text.count('class="still s') == 6 and written.stat().st_size < 1_000_000


# -------------------------------------------------------------------------------------------------------------- in a browser
@pytest.mark.parametrize("width, dark", [(1280, False), (420, True)], ids=["wide-light", "narrow-dark"])
def test_it_shows(written, tmp_path, width, dark):
    from PIL import Image

    console = screenshot(written, tmp_path / "page.png", size=(width, 2600), dark=dark)
    assert not console, console
    pixels = np.asarray(Image.open(tmp_path / "page.png").convert("RGB"), float)
    assert pixels.shape == (2600, width, 3)
    paper = pixels[5, 5]
    assert (paper.mean() < 60) if dark else (paper.mean() > 230)
    inked = np.abs(pixels - paper).max(-1) > 40
    assert 0.01 < inked.mean() < 0.5
    assert inked[:300].any() and inked[1200:1800].any() and inked[2000:].any()
    assert len(np.unique((pixels // 32) @ [64.0, 8.0, 1.0])) > 12  # the methods' colours, not black on white alone


def root_tag(dom):
    """Scripts note there that they are done, and any error."""
    return re.search("<html[^>]*>", dom)[0]


def test_an_evil_name_does_nothing_in_a_browser(tmp_path):
    path = write_report(tmp_path / "evil.html", everywhere(report(), lambda text: f"{' '.join(EVIL)} {text}"))
    dom, console = browse(path, "--dump-dom")
    assert root_tag(dom) == '<html lang="en" class="js" data-done="yes">'
    assert not console, console


BEFORE = "window.requestAnimationFrame = (act) => setTimeout(() => act(performance.now()), 16);"
AFTER = """
const told = {}, click = (node) => node.click(), [flat, solid] = players;
const names = () => [...document.querySelectorAll("tbody .name")].map((name) => name.textContent);
const sorter = document.querySelectorAll(".sorter")[5];
told.orders = [names(), (click(sorter), names()), (click(sorter), names()), (click(sorter), names())];
told.overflow = document.documentElement.scrollWidth - innerWidth;
const place = solid.camera.fit(320, 320 * solid.camera.ratio);
told.places = [[0.1, 0.5, 0.2], [-0.3, 0.9, 0.0], [0, 0, 0.6]].map((point) => place(point).slice(0, 3));
told.frame = flat.data.runs[1].frames[7];
told.between = solid.at(solid.data.runs[0], 7.25);
const chart = document.querySelector("[data-chart]"), tip = document.querySelector(".tip");
chart.dispatchEvent(new KeyboardEvent("keydown", { key: "End" }));
told.tip = [tip.style.visibility, tip.textContent];
const strip = document.querySelector("[data-strip]");
strip.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
told.strip = tip.textContent;
players.forEach((player) => player.play(false));
flat.choose(2); flat.button.click();
setTimeout(() => {
  told.played = flat.time; told.playing = flat.button.getAttribute("aria-label");
  flat.button.click(); flat.seek(1e9);
  told.badges = [...flat.box.querySelectorAll(".badge")].map((badge) => badge.textContent);
  const out = document.createElement("script"); out.type = "text/told"; out.textContent = JSON.stringify(told); document.body.append(out);
}, 1000);
"""


@pytest.fixture(scope="module")
def told(written):
    dom = probe(written, BEFORE, AFTER, size=(420, 900))
    assert root_tag(dom) == '<html lang="en" class="js" data-done="yes">'
    return json.loads(re.search(r'<script type="text/told">(.*?)</script>', dom)[1])


def test_the_table_sorts_and_keeps_the_floors_below(told):
    first, down, up, again = told["orders"]
    by_ms = ["regression", "two-step regression", "flow", "diffusion"]  # milliseconds per action fall from 0.725 to 0.0512
    assert first == again == ["flow", "diffusion", "two-step regression", "regression", "random", "still"]
    assert down[:4] == ["diffusion", "flow", "regression", "two-step regression"] and up[:4] == down[:4][::-1] != by_ms
    assert set(down[4:]) == set(up[4:]) == {"random", "still"}


def test_a_narrow_window_does_not_scroll_sideways(told):
    assert told["overflow"] <= 0


def test_the_player_and_the_stills_see_the_same(told):
    section = arm()
    camera = Camera(section, pack(section), 320.0)
    assert np.allclose(told["places"], camera([[0.1, 0.5, 0.2], [-0.3, 0.9, 0.0], [0.0, 0.0, 0.6]]), atol=1e-6)


def test_frames_arrive_as_they_were_packed(told):
    sections = report().sections
    flat, solid = pack(sections[1]), pack(sections[2])
    assert np.allclose(told["frame"], flat.points[1][7], atol=(flat.high - flat.low).max() / 65535)
    between = 0.75 * solid.points[0][7] + 0.25 * solid.points[0][8]
    assert np.allclose(told["between"], between, atol=(solid.high - solid.low).max() / 65535)


def test_the_player_plays_and_says_how_it_ended(told):
    assert 10 < told["played"] < 22 and told["playing"] == "Pause"  # 20 steps a second, for a second
    assert told["badges"] == ["✓ success, 60 steps"] * 3 + ["✕ failure, 26 steps"]


def test_charts_and_strips_can_be_read_by_keyboard(told):
    visibility, text = told["tip"]
    assert visibility == "visible" and "updates (validation · training)" in text and "two-step regression" in text
    assert re.fullmatch(r"start 4000[01][0-5] of 5 seeds", told["strip"])
