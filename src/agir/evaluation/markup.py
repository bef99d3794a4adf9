"""HTML and SVG as values. Text is escaped unless it is already Markup, so no name, path or task can break out of its place."""

import html
import unicodedata
from typing import Any

VOID = {"br", "hr", "input", "link", "meta"}


class Markup(str):
    """Text that is HTML already; only `element`, `fragment` and `trusted` make it."""

    __slots__ = ()


def printable(text: Any) -> str:
    """The text without control characters (a terminal's escape sequences among them); line ends and tabs stay."""
    return "".join(c for c in str(text) if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))


def escape(value: Any) -> Markup:
    return value if isinstance(value, Markup) else Markup(html.escape(printable(value), quote=True))


def trusted(text: str) -> Markup:
    """Marks our own literals and assets as HTML. Never give it anything that a user or a file brought."""
    return Markup(text)


def fragment(*children: Any) -> Markup:
    """Children one after the other; lists are flattened, None and False left out."""
    parts = []
    for child in children:
        if isinstance(child, (list, tuple)):
            parts.append(fragment(*child))
        elif child is not None and child is not False:
            parts.append(escape(child))
    return Markup("".join(parts))


def element(tag: str, *children: Any, **attributes: Any) -> Markup:
    """`element("a", "x < y", class_="name", data_index=3)` -> `<a class="name" data-index="3">x &lt; y</a>`.

    An attribute that is None or False is left out, True is written bare; numbers are written short.
    """
    written = []
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        name = name.rstrip("_").replace("_", "-")
        written.append(f" {name}" if value is True else f' {name}="{escape(short(value))}"')
    opening = f"<{tag}{''.join(written)}>"
    return Markup(opening if tag in VOID else f"{opening}{fragment(*children)}</{tag}>")


def short(value: Any) -> Any:
    """A coordinate with two decimals at most; anything but a float as it is."""
    return f"{round(float(value), 2) + 0.0:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
