"""Own things join the tables of names by a decorator or by a package's entry point."""

import pytest

from agir import register
from agir.core import registry
from agir.core.errors import BadSetting, UnknownName
from agir.core.names import TABLES


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    monkeypatch.setattr(registry, "_added", {kind: {} for kind in TABLES})


@pytest.mark.parametrize("kind", TABLES)
def test_a_decorator_adds_a_name(kind):
    @getattr(register, kind)("my-own", "does it my way")
    class Own:
        """Not this line."""

    assert Own.__name__ == "Own"
    assert registry.find(kind, "my-own") is Own
    assert registry.names(kind)["my-own"] == "does it my way"
    assert registry.name_of(kind, Own) == "my-own"
    assert registry.registered(registry.path_of(Own)) is Own
    assert registry.names(kind).keys() - {"my-own"} == TABLES[kind].keys()
    assert not any("my-own" in registry.names(other) for other in TABLES if other != kind)


def test_the_docstring_speaks_where_no_line_is_given():
    @register.network("own-network")
    def make():
        """Makes a network.

        Slowly."""

    register.network("silent")(lambda: None)
    assert (registry.names("network")["own-network"], registry.names("network")["silent"]) == ("Makes a network.", "")


def test_a_name_is_given_once():
    register.task("once")(object())
    with pytest.raises(BadSetting, match="a task called 'once' already"):
        register.task("once")(object())


def test_a_cell_may_be_run_again():
    def cell():
        @register.method("in-a-notebook")
        class Draft:
            """First."""

        return Draft

    first, second = cell(), cell()
    assert first is not second and registry.find("method", "in-a-notebook") is second


def test_a_name_of_the_tables_is_not_replaced(monkeypatch):
    monkeypatch.setitem(TABLES["method"], "known", ("agir.core.keys:stream", "a row of the tables"))
    with pytest.raises(BadSetting, match="already"):
        register.method("known")(object())
    from agir.core.keys import stream

    assert registry.find("method", "known") is stream and registry.name_of("method", stream) == "known"


def test_an_unknown_name_is_answered_with_the_nearest():
    register.method("diffusion")(object)
    register.method("flow")(object)
    with pytest.raises(UnknownName, match=r"no method called 'difusion'. Did you mean diffusion.*`agir methods` lists them"):
        registry.find("method", "difusion")
    with pytest.raises(UnknownName, match=r"no method called 'zzz'. Known: .*flow|\.\.\."):
        registry.find("method", "zzz")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package beside agir whose entry points name a method and a reader."""
    (tmp_path / "their_package.py").write_text('class Theirs:\n    """Theirs."""\n\ndef read(path):\n    return path\n')
    info = tmp_path / "their_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[agir.methods]\ntheirs = their_package:Theirs\n[agir.readers]\ntheir-format = their_package:read\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


def test_a_package_joins_by_entry_points(installed):
    assert registry.names("method")["theirs"] == "from the package their-package"
    theirs = registry.find("method", "theirs")
    assert theirs.__doc__ == "Theirs." and registry.name_of("method", theirs) == "theirs"
    assert registry.registered("their_package:Theirs") is theirs
    assert registry.find("reader", "their-format")("x") == "x"
    with pytest.raises(BadSetting, match="already"):
        register.method("theirs")(object)


def test_nothing_is_registered_at_a_foreign_path():
    assert registry.registered("os:system") is None
