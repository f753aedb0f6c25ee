"""Is an architecture lowered directly the same workload as its exported network, layer for layer?"""

import numpy as np
import pytest

import pimsim
from nas.data.fields import Schema, SparseField
from nas.lowering import kernel
from nas.lowering.nasrec import Lowering
from nas.spaces.architecture import Architecture, Block
from nas.spaces.nasrec import Space
from nas.spaces.sizes import Inputs, fvcore_flops
from pimsim.errors import InputError
from pimsim.graph.workload import Kind
from pimsim.mapping.columns import pack
from tests.nas.lowering.conftest import plain_schema

EQUAL = (
    "kind", "groups", "rows", "cols", "vectors", "weight_elements", "bias_elements", "input_elements",
    "fetched_elements", "output_elements", "vector_ops", "special_ops", "pool_ops", "unit", "lookups", "row_elements",
    "table_rows", "inputs",
)  # fmt: skip


def of_blocks(*blocks, **options):
    return Architecture(tuple(Block(*block) for block in blocks), **options)


# All operators, mergers with and without projection, single and several inputs, what is not read by anybody.
BY_HAND = {
    "attention, gating and all mergers": of_blocks(
        (("sigmoid-gating", "transformer"), 32, 16, True, True, (0,), (0,), (0,), (0,)),
        (("dot-product", "linear-3d"), 128, 32, True, True, (0, 1), (0, 1), (0,), (1,)),
        (("sum", "transformer"), 64, 16, True, False, (0, 1, 2), (1, 2), (0,), (2,)),
        (("dot-product", "linear-3d"), 16, 16, True, True, (0,), (2,), (0,), (1,)),
        (("linear-2d", "linear-3d"), 16, 16, True, True, (3, 4), (3, 4), (0,), (2,)),
    ),
    "attention last, with what only its machine reads": of_blocks(
        (("linear-2d", "linear-3d"), 16, 4, False, True, (0,), (0,), (0,), (0,)),
        (("sum", "transformer"), 16, 8, False, True, (0,), (1,), (1,), (0,)),
    ),
    "the same concatenations, padding and sum twice": of_blocks(
        (("linear-2d", "linear-3d"), 16, 4, False, False, (0,), (0,), (0,), (0,)),
        (("sum", "linear-3d"), 32, 4, True, False, (0, 1), (0, 1), (0,), (1,)),
        (("sum", "linear-3d"), 64, 8, False, False, (0, 1), (0, 1), (0,), (1,)),
        (("sigmoid-gating", "linear-3d"), 16, 8, True, False, (0, 1), (2, 3), (0,), (1,)),
        (("dot-product", "transformer"), 32, 8, False, False, (2, 3, 4), (2, 3), (2,), (3,)),
    ),
    "late merger in the last block": of_blocks(
        (("dot-product", "linear-3d"), 128, 16, True, True, (0,), (0,), (0,), (0,)),
    ),
    "no norms": of_blocks(
        (("dot-product", "transformer"), 32, 16, True, True, (0,), (0,), (0,), (0,)),
        (("sigmoid-gating", "linear-3d"), 64, 16, True, True, (0,), (1,), (0,), (1,)),
        use_layernorm=False,
    ),
    "no balancing": of_blocks(
        (("dot-product", "linear-3d"), 32, 16, True, True, (0,), (0,), (0,), (0,)),
        (("dot-product", "linear-3d"), 16, 4, False, False, (1,), (0, 1), (0,), (1,)),
        balanced=False,
    ),
}  # fmt: skip


def hold_equal(own, read):
    for a, b in zip(own.layers, read.layers, strict=False):
        for name in EQUAL:
            assert getattr(a, name) == getattr(b, name), f"{a.name} / {b.name}: {name}"
    assert len(own.layers) == len(read.layers)
    assert own.macs == read.macs
    for hardware in ("reram_128", "isaac"):
        one = pimsim.simulate(own, hardware).totals
        other = pimsim.simulate(read, hardware, operands="default").totals
        for figure, tolerance in (("energy_pJ", 1e-3), ("area_um2", 1e-3), ("latency_ns", 0.02)):
            assert one[figure] == pytest.approx(other[figure], rel=tolerance)


@pytest.mark.parametrize("architecture", BY_HAND.values(), ids=BY_HAND)
def test_by_hand_it_is_what_is_read_out_of_the_exported_network(architecture, exported):
    schema = plain_schema(5, 7)
    hold_equal(Lowering(schema).workload(architecture), exported(architecture, schema))


def test_embeddings_from_outside_and_of_another_width(exported):
    schema, architecture = plain_schema(3, 4), BY_HAND["attention, gating and all mergers"]
    hold_equal(Lowering(schema, 8, "inputs").workload(architecture), exported(architecture, schema, 8, "inputs"))


@pytest.mark.parametrize("embeddings", ["tables", "inputs"])
def test_pooled_fields(exported, embeddings):
    pooled = (SparseField("tags", 5, "mean", 3), SparseField("words", 4, "sum", 2))
    fields = (SparseField("a", 9), SparseField("b", 8), *pooled)
    schema, architecture = Schema(("x",), fields), BY_HAND["late merger in the last block"]
    other = "included" if embeddings == "tables" else embeddings
    hold_equal(Lowering(schema, 16, embeddings).workload(architecture), exported(architecture, schema, 16, other))


def test_compiled_arrays_are_those_of_the_plain_kernel(generator):
    space, lowering = Space.full(blocks=5, dense_widths=(16, 64, 128)), Lowering(plain_schema(4, 6))
    architectures = [space.sample(generator) for _ in range(12)]
    networks = lowering.networks(architectures)
    layers, edges, starts, _, offsets, work = lowering._rows(architectures, kernel.lower_rows)
    assert np.array_equal(networks.layers, layers)
    assert np.array_equal(networks.edges, edges)
    assert np.array_equal(networks.starts, starts)
    assert np.array_equal(networks.offsets, offsets)
    assert np.array_equal(networks.work, work)


def test_named_layers_pack_into_the_same_arrays(generator):
    space, lowering = Space.full(blocks=4), Lowering(plain_schema(4, 6))
    for architecture in [space.sample(generator) for _ in range(4)]:
        networks, packed = lowering.networks([architecture]), pack(lowering.workload(architecture))
        assert np.array_equal(networks.layers.ravel(), packed.arrays[0].ravel())
        assert np.array_equal(networks.edges.ravel(), packed.arrays[1].ravel())
        assert np.array_equal(networks.starts, packed.arrays[2])
        assert networks.work[0].tolist() == [packed.macs, packed.ops]


def test_products_are_those_that_fvcore_counts(generator):
    """Without what fvcore leaves out (attention's two products) and adds (norms)."""
    for space in (Space.full(), Space.small()):
        for architecture in [space.sample(generator) for _ in range(5)]:
            workload = Lowering(plain_schema(4, 6)).workload(architecture)
            stationary = sum(layer.macs for layer in workload.layers if layer.kind is Kind.MVM)
            pairs = sum(layer.macs for layer in workload.layers if layer.name.split("/")[1].startswith("pairs"))
            norms = sum(5 * layer.output_elements for layer in workload.layers if layer.op == "LayerNormalization")
            assert stationary + pairs + norms == fvcore_flops(architecture, Inputs(4, 6))


def test_kinds_of_layers():
    layers = Lowering(plain_schema(5, 7)).workload(BY_HAND["attention, gating and all mergers"]).layers
    assert [layer.kind for layer in layers[:3]] == [Kind.DIGITAL, Kind.LOOKUP, Kind.MOVE]
    assert (layers[1].lookups, layers[1].row_elements, layers[1].table_rows) == (7, 16, sum(range(20, 27)))
    dynamic = [layer.name for layer in layers if layer.kind is Kind.DYNAMIC]
    assert dynamic == [
        "block0/scores", "block0/values", "block1/pairs", "block2/scores", "block2/values", "block3/pairs",
    ]  # fmt: skip
    assert layers[-1].name == "head/product"


def test_what_cannot_be_lowered_together_is_refused(generator):
    lowering, space = Lowering(plain_schema(4, 6)), Space.full(blocks=2)
    with pytest.raises(InputError, match="architectures lowered together agree in blocks, use_layernorm and balanced"):
        lowering.networks([space.sample(generator), Space.full(blocks=3).sample(generator)])
    with pytest.raises(InputError, match="a block with several operators of a kind is a path of a supernet"):
        lowering.workload(space.sample(generator, "full"))
    with pytest.raises(InputError, match="embeddings must be one of tables, inputs; got 'none'"):
        Lowering(plain_schema(4, 6), embeddings="none")
    assert len(lowering.networks([])) == 0
