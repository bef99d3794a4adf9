"""Arrays on disk: what is read is what was written, bit for bit, and what was torn, edited or meant for others is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core import arrays
from agir.core.arrays import read_about, read_arrays, write_arrays
from agir.core.errors import BadCheckpoint

ABOUT = {"step": 7, "name": "a \u00e9"}


def tree() -> dict:
    weights = jax.random.normal(jax.random.key(0), (3, 2)).at[0, 0].set(jnp.nan).at[0, 1].set(-0.0)
    return {
        "weights": weights,
        "parts": [jnp.int32(3), np.arange(6, dtype=np.int64).reshape(2, 3).T, jnp.array([True, False]), jnp.zeros((0, 4))],
        "key": jax.random.key(5),
        "keys": jax.random.split(jax.random.key(6), 3),
        "half": jnp.array([1.5, 2.5], jnp.bfloat16),
        "said": "not an array",
        "none": None,
    }


def bits(value) -> tuple:
    value = np.asarray(jax.random.key_data(value) if arrays.is_key(value) else value)
    return value.shape, str(value.dtype), value.tobytes()


def test_there_and_back(tmp_path):
    write_arrays(tmp_path / "x.safetensors", tree(), ABOUT)
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype) if isinstance(x, jax.Array) else x, tree())
    for like in (tree(), shapes):
        read, about = read_arrays(tmp_path / "x.safetensors", like)
        assert about == read_about(tmp_path / "x.safetensors") == ABOUT
        assert (read["said"], read["none"]) == ("not an array", None)
        for (path, one), (_, other) in zip(*(jax.tree_util.tree_leaves_with_path(t) for t in (read, tree()))):
            assert isinstance(one, str) or bits(one) == bits(other), path
    assert isinstance(read_arrays(tmp_path / "x.safetensors", tree())[0]["parts"][1], np.ndarray)
    assert jnp.array_equal(jax.random.normal(read["key"]), jax.random.normal(jax.random.key(5)))


def test_equal_contents_are_equal_files(tmp_path):
    files = [tmp_path / f"{i}.safetensors" for i in range(8)]
    for file in files:
        write_arrays(file, tree(), ABOUT)
    assert len({file.read_bytes() for file in files}) == 1


def test_a_torn_or_foreign_file_is_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    write_arrays(path, tree(), ABOUT)
    whole = path.read_bytes()
    for content in (b"", whole[:5], whole[: len(whole) // 2], whole[:-1], b"{}" * 100):
        path.write_bytes(content)
        for read in (read_about, lambda p: read_arrays(p, tree())):
            with pytest.raises(BadCheckpoint, match="torn or is not one of agir's"):
                read(path)
    with pytest.raises(BadCheckpoint, match="torn or is not one of agir's"):
        read_about(tmp_path / "nothing")


def test_a_changed_bit_is_found(tmp_path):
    path = tmp_path / "x.safetensors"
    write_arrays(path, tree(), ABOUT)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    with pytest.raises(BadCheckpoint, match="changed after it was written"):
        read_arrays(path, tree())
    path.write_bytes(whole.replace(b'\\"step\\": 7', b'\\"step\\": 8'))
    with pytest.raises(BadCheckpoint, match="changed after it was written"):
        read_arrays(path, tree())


@pytest.mark.parametrize(
    "change, message",
    [
        ({"more": jnp.zeros(2)}, r"lacks array \['more'\]"),
        ({"weights": None}, r"has an unknown array \['weights'\]"),
        ({"weights": jnp.zeros((2, 3))}, r"array \['weights'\] is float32\[3, 2\], expected float32\[2, 3\]"),
        ({"weights": jnp.zeros((3, 2), jnp.int32)}, r"is float32\[3, 2\], expected int32\[3, 2\]"),
        ({"keys": jax.random.split(jax.random.key(0), 2)}, r"array \['keys'\]#key is uint32\[3\], expected key<fry>\[2\]"),
        ({"key": jnp.zeros(2, jnp.uint32)}, r"array \['key'\]"),
    ],
)
def test_what_was_meant_for_others_is_named(tmp_path, change, message):
    write_arrays(tmp_path / "x.safetensors", tree(), ABOUT)
    with pytest.raises(BadCheckpoint, match=message):
        read_arrays(tmp_path / "x.safetensors", tree() | change)


def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.safetensors"
    write_arrays(path, tree(), ABOUT)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(arrays.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_arrays(path, {"other": jnp.ones(5)}, {})
    assert path.read_bytes() == before and [file.name for file in tmp_path.iterdir()] == [path.name]
