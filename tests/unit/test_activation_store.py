"""Activation stores: what is written is read back, and damage is never a silent number."""

import warnings

import numpy as np
import pytest
import xarray as xr
import zarr

from neuronxa.errors import StoreError
from neuronxa.stores.activations import STORE, Activations, ActivationStore
from neuronxa.stores.layout import Layout
from neuronxa.stores.registry import ARRAYS, arrays_of, spec_of

from .stores import default_extraction, filled_store, identity, random_blocks


def test_values_come_back_exactly(tmp_path):
    layout, blocks = filled_store(tmp_path)
    stored = Activations(tmp_path)
    for name in layout.arrays:
        axis = 1 if spec_of(name).layered else 0
        expected = np.concatenate([block[name] for block in blocks], axis=axis)
        if not spec_of(name).layered:
            assert np.array_equal(stored.array(name), expected), name
            continue
        for layer in range(stored.layers(name)):
            found = stored.layer(name, layer)
            assert found.dims == ("sentence", "unit")
            assert np.array_equal(found.values, expected[layer]), name


def test_chunks_are_the_bytes_that_zarr_itself_would_write(tmp_path):
    layout, blocks = filled_store(tmp_path / "ours")
    group = zarr.open_group(tmp_path / "ours" / STORE, mode="r")
    for name in layout.arrays:
        axis = 1 if spec_of(name).layered else 0
        array = group[name]
        theirs = zarr.create_array(
            tmp_path / "theirs" / name,
            shape=array.shape,
            chunks=array.chunks,
            dtype=array.dtype,
            fill_value=array.fill_value,
            compressors=array.compressors,
            config={"write_empty_chunks": True},
        )
        theirs[:] = np.concatenate([block[name] for block in blocks], axis=axis)
        ours = tmp_path / "ours" / STORE / name / "c"
        written = [path.relative_to(ours) for path in ours.rglob("*") if path.is_file()]
        assert len(written) == np.prod(
            [-(-n // c) for n, c in zip(array.shape, array.chunks, strict=True)]
        )
        for path in written:
            expected = (tmp_path / "theirs" / name / "c" / path).read_bytes()
            assert (ours / path).read_bytes() == expected, (name, path)


def test_xarray_opens_the_store_with_named_dims_and_no_warning(tmp_path):
    layout, _ = filled_store(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset = xr.open_zarr(tmp_path / STORE, consolidated=False)
    for name in layout.arrays:
        assert dataset[name].dims == ARRAYS[name].dims
        assert dataset[name].dtype == ARRAYS[name].dtype
        assert dataset[name].attrs["description"] == ARRAYS[name].meaning
    assert dataset.attrs["language"] == "eng_Latn"
    assert "sentence" in dataset.coords


def test_a_store_goes_on_after_its_last_committed_block(tmp_path):
    layout, blocks = random_blocks()
    first = ActivationStore(tmp_path, layout, identity=identity(layout))
    first.commit(0, blocks[0])
    second = ActivationStore(tmp_path, layout, identity=identity(layout))
    assert second.pending == tuple(range(1, layout.blocks))
    for block in second.pending:
        second.commit(block, blocks[block])
    second.finish({})
    second.publish()
    assert Activations(tmp_path).verify() > 0


def test_another_identity_starts_anew_and_withdraws_what_was_published(tmp_path):
    layout, _ = filled_store(tmp_path)
    store = ActivationStore(tmp_path, layout, identity=identity(layout, "other"))
    assert store.pending == tuple(range(layout.blocks))
    with pytest.raises(StoreError, match="not published"):
        Activations(tmp_path)


def test_an_unfinished_store_cannot_be_finished_or_read(tmp_path):
    layout, blocks = random_blocks()
    store = ActivationStore(tmp_path, layout, identity=identity(layout))
    store.commit(0, blocks[0])
    with pytest.raises(StoreError, match="are not written"):
        store.finish({})
    with pytest.raises(StoreError, match="not published"):
        Activations(tmp_path)


def _chunk(folder, name="nas_gate"):
    return sorted(p for p in (folder / STORE / name / "c").rglob("*") if p.is_file())[0]


def _flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [_flip, lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:10])],
    ids=["flipped bit", "missing chunk", "truncated chunk"],
)
@pytest.mark.parametrize("name", [spec.name for spec in arrays_of(default_extraction())])
def test_damage_is_found_and_named(tmp_path, damage, name):
    filled_store(tmp_path)
    damage(_chunk(tmp_path, name))
    with pytest.raises(StoreError, match=rf"'{name}'(.|\n)*Hint: run: rm -rf") as error:
        Activations(tmp_path).verify()
    assert str(tmp_path) in str(error.value)


def test_wrong_shapes_and_dtypes_are_refused(tmp_path):
    layout, blocks = random_blocks()
    store = ActivationStore(tmp_path, layout, identity=identity(layout))
    with pytest.raises(StoreError, match="not uint32"):
        store.commit(0, {**blocks[0], "nas_gate": blocks[0]["nas_gate"].astype(np.float32)})
    with pytest.raises(StoreError, match="was not extracted"):
        store.commit(0, {k: v for k, v in blocks[0].items() if k != "hidden"})


def test_chunks_are_one_layer_and_one_block():
    layout = Layout(250, 100, 4, 32, 8, ("nas_gate",))
    assert layout.blocks == 3
    assert layout.rows(2) == slice(200, 250)
    assert layout.chunks(spec_of("nas_gate")) == (1, 100, 32)
    assert layout.chunks(spec_of("active_gate")) == (1, 4, 32)
    assert layout.chunks(spec_of("tokens")) == (100,)
