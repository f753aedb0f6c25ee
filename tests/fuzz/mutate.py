"""Seeded mutation of the structure of ONNX models: the same seed gives the same mutant everywhere."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import onnx
import untidy
from google.protobuf.message import DecodeError
from onnx import AttributeProto, TensorProto, helper

INTEGERS = (
    0,
    1,
    -1,
    2,
    3,
    7,
    -2,
    64,
    1000,
    2**31 - 1,
    2**31,
    -(2**31),
    2**32,
    2**40,
    2**60,
    2**62,
    2**63 - 1,
    -(2**63),
)
FLOATS = (0.0, 1.0, -1.0, 1e38, float("inf"), float("nan"))
TEXTS = (
    "", "x", "[/x]", "[bold red]", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "a\nb", "\x1b[31mred", "\x00",
    "\u202e",
    "../../etc/passwd", "/etc/passwd", "a" * 5000, "SAME_UPPER", "bidirectional", "NOTSET", "bij,bjk->bik", "ij->",
    "...i,i", "é",
)  # fmt: skip
OPERATORS = (
    "Conv", "ConvTranspose", "MatMul", "Gemm", "Einsum", "Attention", "LSTM", "GRU", "RNN", "Gather", "Reshape",
    "Transpose", "If",
    "Loop", "Scan", "Split", "Concat", "Slice", "Pad", "Softmax", "LayerNormalization", "Resize", "TopK", "NonZero",
    "Constant",
    "ConstantOfShape", "Expand", "Tile", "Range", "OneHot", "Cast", "QuantizeLinear", "DequantizeLinear",
    "QLinearConv", "MaxPool",
    "AveragePool", "ReduceSum", "Squeeze", "Unsqueeze", "Identity", "SequenceConstruct", "SequenceAt", "Optional",
    "NoSuchOperator",
)  # fmt: skip
DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft", "local", "no.such.domain", "\x1b[0m")
Mutator = Callable[[onnx.ModelProto, random.Random], None]
MUTATORS: dict[str, tuple[Mutator, int]] = {}


@dataclass
class Mutant:
    """A model to load with these options, and the names of the mutations that made it."""

    model: onnx.ModelProto
    base: str
    mutations: list[str]
    options: dict[str, Any] = field(default_factory=dict)


def mutator(weight: int) -> Callable[[Mutator], Mutator]:
    """Register a mutation, drawn in proportion to `weight`."""

    def register(function: Mutator) -> Mutator:
        MUTATORS[function.__name__] = (function, weight)
        return function

    return register


def mutant(seed: int) -> Mutant:
    """The mutant of this seed: one of the small models, changed in one to four places."""
    rng = random.Random(seed)
    name = rng.choice(sorted(untidy.CASES))
    made = untidy.CASES[name]()
    model = onnx.ModelProto()
    model.CopyFrom(made.model)
    names, weights = list(MUTATORS), [weight for _, weight in MUTATORS.values()]
    chosen = rng.choices(names, weights, k=rng.choice((1, 1, 2, 3, 4)))
    applied = []
    for mutation in chosen:
        try:
            MUTATORS[mutation][0](model, rng)
            applied.append(mutation)
        except (
            IndexError,
            DecodeError,
        ):  # nothing of that sort to change in this model, or nested past protobuf's limit
            continue
    options = dict(made.options)
    if rng.random() < 0.1:
        options["batch"] = rng.choice(INTEGERS)
    if rng.random() < 0.05:
        options["dims"] = {rng.choice(("N", *TEXTS)): rng.choice(INTEGERS)}
    if rng.random() < 0.05:
        options["trips"] = rng.choice(INTEGERS)
    if rng.random() < 0.3:
        options["unknown_ops"] = rng.choice(("digital", "skip"))
    return Mutant(model, name, applied, options)


# --- drawing a part of the model ---


def graphs(model: onnx.ModelProto) -> list[onnx.GraphProto]:
    """The main graph and all subgraphs."""
    found = [model.graph]
    for graph in found:
        found.extend(a.g for node in graph.node for a in node.attribute if a.type == AttributeProto.GRAPH)
    return found


def a_graph(model: onnx.ModelProto, rng: random.Random) -> onnx.GraphProto:
    """One of the graphs."""
    return rng.choice(graphs(model))


def a_node(model: onnx.ModelProto, rng: random.Random) -> onnx.NodeProto:
    """One of the nodes, of functions too."""
    nodes = [n for g in graphs(model) for n in g.node] + [n for f in model.functions for n in f.node]
    return rng.choice(nodes)


def a_value(model: onnx.ModelProto, rng: random.Random) -> str:
    """The name of some value."""
    graph = a_graph(model, rng)
    names = [v.name for v in graph.input] + [t.name for t in graph.initializer]
    return rng.choice(names + [o for n in graph.node for o in n.output])


def a_shape(model: onnx.ModelProto, rng: random.Random) -> onnx.TensorShapeProto:
    """A declared shape of an input, an output or a value."""
    graph = a_graph(model, rng)
    declared = [*graph.input, *graph.output, *graph.value_info]
    return rng.choice([v for v in declared if v.type.HasField("tensor_type")]).type.tensor_type.shape


def a_tensor(model: onnx.ModelProto, rng: random.Random) -> TensorProto:
    """An initialiser or the tensor of a Constant."""
    found = [t for g in graphs(model) for t in g.initializer]
    found += [a.t for g in graphs(model) for n in g.node for a in n.attribute if a.type == AttributeProto.TENSOR]
    return rng.choice(found)


# --- edges and nodes ---


@mutator(6)
def rewire_input(model: onnx.ModelProto, rng: random.Random) -> None:
    node = a_node(model, rng)
    target = rng.randrange(len(node.input)) if node.input else [][0]
    node.input[target] = rng.choice((a_value(model, rng), a_value(model, rng), "", "nowhere", *node.output[:1]))


@mutator(3)
def swap_inputs(model: onnx.ModelProto, rng: random.Random) -> None:
    node = a_node(model, rng)
    order = list(node.input)
    rng.shuffle(order)
    node.input[:] = order


@mutator(3)
def drop_or_add_input(model: onnx.ModelProto, rng: random.Random) -> None:
    node = a_node(model, rng)
    if rng.random() < 0.5:
        del node.input[rng.randrange(len(node.input)) if node.input else [][0]]
    else:
        node.input.append(a_value(model, rng))


@mutator(2)
def make_a_cycle(model: onnx.ModelProto, rng: random.Random) -> None:
    graph = a_graph(model, rng)
    first, last = rng.choice(graph.node), rng.choice(graph.node)
    first.input.append(rng.choice(last.output))


@mutator(2)
def drop_or_repeat_node(model: onnx.ModelProto, rng: random.Random) -> None:
    graph = a_graph(model, rng)
    index = rng.randrange(len(graph.node)) if graph.node else [][0]
    if rng.random() < 0.5:
        del graph.node[index]
    else:
        graph.node.add().CopyFrom(graph.node[index])


@mutator(2)
def shuffle_nodes(model: onnx.ModelProto, rng: random.Random) -> None:
    graph = a_graph(model, rng)
    for node in rng.sample(list(graph.node), len(graph.node)):
        graph.node.add().CopyFrom(node)
    del graph.node[: len(graph.node) // 2]


@mutator(3)
def change_operator(model: onnx.ModelProto, rng: random.Random) -> None:
    a_node(model, rng).op_type = rng.choice((*OPERATORS, *TEXTS[:9]))


@mutator(1)
def change_domain(model: onnx.ModelProto, rng: random.Random) -> None:
    a_node(model, rng).domain = rng.choice(DOMAINS)


@mutator(2)
def change_outputs(model: onnx.ModelProto, rng: random.Random) -> None:
    node = a_node(model, rng)
    choice = rng.randrange(3)
    if choice == 0:
        del node.output[:]
    elif choice == 1:
        node.output.append(rng.choice((a_value(model, rng), "", "more")))
    else:
        node.output[0] = a_value(model, rng)


@mutator(6)
def insert_node(model: onnx.ModelProto, rng: random.Random) -> None:
    """A unary operator or a reshaping one between a value and the nodes that read it: mostly valid."""
    graph = a_graph(model, rng)
    node = rng.choice(graph.node)
    position = rng.choice([i for i, name in enumerate(node.input) if name])
    operator = rng.choice(
        ("Identity", "Identity", "Relu", "Sigmoid", "Transpose", "Softmax", "Neg", "Abs", "Dropout", "Erf")
    )
    name = f"inserted_{rng.randrange(10**9)}"
    index = list(graph.node).index(node)
    made = helper.make_node(operator, [node.input[position]], [name], name=rng.choice(("", name, *TEXTS)))
    node.input[position] = name
    graph.node.insert(index, made)


@mutator(3)
def insert_bomb(model: onnx.ModelProto, rng: random.Random) -> None:
    """A value that is far larger than the file which asks for it, added to a value of the graph."""
    graph = model.graph
    node = rng.choice(graph.node)
    position = rng.choice([i for i, name in enumerate(node.input) if name])
    size = rng.choice((2**20, 2**31, 2**33, 2**50, 2**60))
    one = helper.make_tensor("", 1, [1], [1.0])
    made = rng.choice((
        [helper.make_node("RandomNormal", [], ["big"], shape=[size])],
        [helper.make_node("Constant", [], ["many"], value_ints=[size]), helper.make_node("ConstantOfShape", ["many"],
        ["big"])],
        [helper.make_node("Constant", [], ["many"], value_ints=[size]), helper.make_node("Constant", [], ["one"],
        value=one),
         helper.make_node(rng.choice(("Tile", "Expand")), ["one", "many"], ["big"])],
        [helper.make_node("Constant", [], ["many"], value_int=size), helper.make_node("Constant", [], ["zero"],
        value_int=0),
         helper.make_node("Constant", [], ["step"], value_int=1), helper.make_node("Range", ["zero", "many", "step"],
         ["count"]),
         helper.make_node("Cast", ["count"], ["big"], to=1)],
        [helper.make_node("Split", [node.input[position]], ["big"], num_outputs=size)],
    ))  # fmt: skip
    made.append(
        helper.make_node(rng.choice(("Add", "Mul", "Concat")), [node.input[position], "big"], ["bigger"], axis=0)
    )
    if made[-1].op_type != "Concat":
        del made[-1].attribute[:]
    node.input[position] = "bigger"
    for extra in reversed(made):
        graph.node.insert(0, extra)


# --- attributes ---


@mutator(8)
def change_attribute_value(model: onnx.ModelProto, rng: random.Random) -> None:
    node = a_node(model, rng)
    a = rng.choice(node.attribute)
    if a.type == AttributeProto.INT:
        a.i = rng.choice(INTEGERS)
    elif a.type == AttributeProto.INTS:
        if rng.random() < 0.5 and a.ints:
            a.ints[rng.randrange(len(a.ints))] = rng.choice(INTEGERS)
        else:
            a.ints[:] = [rng.choice(INTEGERS) for _ in range(rng.choice((0, 1, 2, 5, 300)))]
    elif a.type == AttributeProto.FLOAT:
        a.f = rng.choice(FLOATS)
    elif a.type == AttributeProto.STRING:
        a.s = rng.choice((rng.choice(TEXTS).encode(), b"\xff\xfe"))
    elif a.type == AttributeProto.TENSOR:
        a.t.CopyFrom(a_tensor(model, rng))


@mutator(3)
def change_attribute_type(model: onnx.ModelProto, rng: random.Random) -> None:
    a = rng.choice(a_node(model, rng).attribute)
    a.type = rng.choice(list(AttributeProto.AttributeType.values()))


@mutator(3)
def replace_attribute(model: onnx.ModelProto, rng: random.Random) -> None:
    a = rng.choice(a_node(model, rng).attribute)
    value = rng.choice((rng.choice(INTEGERS), rng.choice(FLOATS), rng.choice(TEXTS), [1, 2], [0.5], ["a"]))
    a.CopyFrom(helper.make_attribute(a.name, value))


@mutator(3)
def drop_attribute(model: onnx.ModelProto, rng: random.Random) -> None:
    node = a_node(model, rng)
    del node.attribute[rng.randrange(len(node.attribute)) if node.attribute else [][0]]


@mutator(3)
def add_attribute(model: onnx.ModelProto, rng: random.Random) -> None:
    names = ("group", "kernel_shape", "pads", "strides", "dilations", "axis", "perm", "transB", "hidden_size",
    "auto_pad", "equation",
             "to", "value", "num_heads", "block_size", "layout", "output_shape", "noop_with_empty_axes", "keepdims",
             "bogus", "")  # fmt: skip
    value = rng.choice((rng.choice(INTEGERS), [rng.choice(INTEGERS[:9]) for _ in range(4)], rng.choice(TEXTS), 0.5))
    a_node(model, rng).attribute.append(helper.make_attribute(rng.choice(names), value))


@mutator(1)
def repeat_attribute(model: onnx.ModelProto, rng: random.Random) -> None:
    node = a_node(model, rng)
    node.attribute.add().CopyFrom(rng.choice(node.attribute))


@mutator(1)
def reference_attribute(model: onnx.ModelProto, rng: random.Random) -> None:
    a = rng.choice(a_node(model, rng).attribute)
    a.ref_attr_name = rng.choice(("axis", "no_such", *TEXTS[:5]))


# --- shapes and types ---


@mutator(8)
def change_dimension(model: onnx.ModelProto, rng: random.Random) -> None:
    d = rng.choice(a_shape(model, rng).dim)
    if rng.random() < 0.75:
        d.dim_value = rng.choice(INTEGERS)
    else:
        d.dim_param = rng.choice(("N", "batch_size", *TEXTS))


@mutator(5)
def scale_first_dimension(model: onnx.ModelProto, rng: random.Random) -> None:
    """Another batch for every declared value: mostly valid."""
    factor = rng.choice((0, 2, 3, 1000, 2**20, 2**31, 2**50))
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        dims = value.type.tensor_type.shape.dim
        if dims and dims[0].HasField("dim_value"):
            dims[0].dim_value = max(-(2**63), min(dims[0].dim_value * factor, 2**63 - 1))


@mutator(2)
def change_rank(model: onnx.ModelProto, rng: random.Random) -> None:
    shape = a_shape(model, rng)
    if rng.random() < 0.5:
        shape.dim.add().dim_value = rng.choice(INTEGERS)
    else:
        del shape.dim[rng.randrange(len(shape.dim)) if shape.dim else [][0]]


@mutator(3)
def forget_shape(model: onnx.ModelProto, rng: random.Random) -> None:
    graph = a_graph(model, rng)
    value = rng.choice([*graph.input, *graph.output, *graph.value_info])
    field_name = rng.choice(("shape", "tensor_type", "type"))
    if field_name == "shape":
        value.type.tensor_type.ClearField("shape")
    elif field_name == "tensor_type":
        value.type.ClearField("tensor_type")
    else:
        value.ClearField("type")


@mutator(4)
def forget_output_shapes(model: onnx.ModelProto, rng: random.Random) -> None:
    """Declared output shapes are optional: stays valid."""
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")


@mutator(3)
def change_element_type(model: onnx.ModelProto, rng: random.Random) -> None:
    graph = a_graph(model, rng)
    value = rng.choice([*graph.input, *graph.output, *graph.value_info])
    value.type.tensor_type.elem_type = rng.choice((0, 1, 6, 7, 8, 9, 10, 16, 17, 21, 22, 23, 24, 99, -1))


@mutator(2)
def make_it_a_sequence(model: onnx.ModelProto, rng: random.Random) -> None:
    value = rng.choice(a_graph(model, rng).input)
    inner = helper.make_tensor_type_proto(1, [2, 6])
    value.type.CopyFrom(rng.choice((helper.make_sequence_type_proto, helper.make_optional_type_proto))(inner))


# --- initialisers ---


@mutator(4)
def change_tensor_dims(model: onnx.ModelProto, rng: random.Random) -> None:
    t = a_tensor(model, rng)
    if rng.random() < 0.7 and t.dims:
        t.dims[rng.randrange(len(t.dims))] = rng.choice(INTEGERS)
    else:
        t.dims[:] = [rng.choice(INTEGERS) for _ in range(rng.choice((0, 1, 2, 9)))]


@mutator(4)
def change_tensor_data(model: onnx.ModelProto, rng: random.Random) -> None:
    t = a_tensor(model, rng)
    choice = rng.randrange(5)
    if choice == 0:
        t.ClearField("raw_data")
    elif choice == 1:
        t.raw_data = t.raw_data[: len(t.raw_data) // 2]
    elif choice == 2:
        t.float_data.extend([1.0, 2.0])
    elif choice == 3:
        t.string_data.extend([b"a"])
    else:
        t.data_type = rng.choice((0, 1, 2, 3, 7, 8, 9, 10, 16, 17, 21, 22, 23, 99, -1))


@mutator(3)
def change_external_data(model: onnx.ModelProto, rng: random.Random) -> None:
    t = a_tensor(model, rng)
    if rng.random() < 0.8:
        t.ClearField("raw_data")
    t.data_location = TensorProto.EXTERNAL
    for _ in range(rng.choice((0, 1, 2, 3))):
        key = rng.choice(("location", "location", "offset", "length", "checksum", "bogus", ""))
        value = rng.choice(
            (*TEXTS, "weights.bin", "model.onnx", "-1", str(2**62), "0", "1e9", "C:\\x", "\\\\host\\x", "./a/../../b")
        )
        t.external_data.add(key=key, value=value)


@mutator(2)
def repeat_or_drop_initializer(model: onnx.ModelProto, rng: random.Random) -> None:
    graph = a_graph(model, rng)
    if rng.random() < 0.5:
        graph.initializer.add().CopyFrom(rng.choice(graph.initializer))
    else:
        del graph.initializer[rng.randrange(len(graph.initializer)) if graph.initializer else [][0]]


@mutator(2)
def make_it_sparse(model: onnx.ModelProto, rng: random.Random) -> None:
    name = rng.choice(model.graph.initializer).name
    s = model.graph.sparse_initializer.add()
    s.values.CopyFrom(helper.make_tensor(name, 1, [2], [1.0, 2.0]))
    s.indices.CopyFrom(helper.make_tensor("", 7, [2], [rng.choice(INTEGERS), rng.choice(INTEGERS)]))
    s.dims.extend(rng.choice(INTEGERS) for _ in range(rng.choice((0, 1, 2, 3))))


@mutator(3)
def weight_of_constant_of_shape(model: onnx.ModelProto, rng: random.Random) -> None:
    """A weight becomes the output of a ConstantOfShape of any size."""
    graph = model.graph
    index = rng.randrange(len(graph.initializer)) if graph.initializer else [][0]
    name, dims = graph.initializer[index].name, list(graph.initializer[index].dims)
    if rng.random() < 0.5 and dims:
        dims[rng.randrange(len(dims))] = rng.choice((2**20, 2**30, 2**60, -1, 0))
    del graph.initializer[index]
    shape = helper.make_tensor("", 7, [len(dims)], dims)
    graph.node.insert(0, helper.make_node("ConstantOfShape", [name + "_s"], [name]))
    graph.node.insert(0, helper.make_node("Constant", [], [name + "_s"], value=shape))


@mutator(3)
def initializer_as_input(model: onnx.ModelProto, rng: random.Random) -> None:
    """Overridable initialisers, as in old files: stays valid."""
    t = rng.choice(model.graph.initializer)
    if all(v.name != t.name for v in model.graph.input):
        model.graph.input.append(helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)))


# --- subgraphs and functions ---


@mutator(3)
def change_subgraph(model: onnx.ModelProto, rng: random.Random) -> None:
    graph = rng.choice(graphs(model)[1:])
    choice = rng.randrange(5)
    if choice == 0:
        del graph.output[:]
    elif choice == 1:
        del graph.input[:]
    elif choice == 2:
        del graph.node[:]
    elif choice == 3:
        graph.output.add().CopyFrom(graph.output[0])
    else:
        graph.input.add().CopyFrom(helper.make_tensor_value_info(rng.choice(TEXTS), 1, [2, 6]))


@mutator(4)
def wrap_in_control_flow(model: onnx.ModelProto, rng: random.Random) -> None:
    """A node moves into one branch of an If, several times over."""
    graph = model.graph
    index = rng.randrange(len(graph.node)) if graph.node else [][0]
    for depth in range(rng.choice((1, 1, 2, 8, 30))):
        inner = onnx.NodeProto()
        inner.CopyFrom(graph.node[index])
        outputs = list(inner.output)
        kind = helper.make_tensor_type_proto(1, None)
        branch = helper.make_graph([inner], "branch", [], [helper.make_value_info(o, kind) for o in outputs])
        other = helper.make_graph(
            [helper.make_node("Identity", [graph.input[0].name], [o + "_else"]) for o in outputs],
            "other", [], [helper.make_value_info(o + "_else", kind) for o in outputs],
        )  # fmt: skip
        made = helper.make_node("If", [f"condition_{depth}"], outputs, then_branch=branch, else_branch=other)
        graph.node[index].CopyFrom(made)
        graph.input.append(helper.make_tensor_value_info(f"condition_{depth}", TensorProto.BOOL, []))


@mutator(2)
def add_or_change_function(model: onnx.ModelProto, rng: random.Random) -> None:
    node = a_node(model, rng)
    name = rng.choice((node.op_type, "f"))
    calls = rng.choice((name, "Relu", "NoSuch", "MatMul"))  # its own name: a recursion
    body = [helper.make_node(calls, ["i"] * rng.choice((0, 1, 2)), ["o"], domain=rng.choice(("", "local")))]
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("local", 1)]
    model.functions.append(helper.make_function(rng.choice(("local", "")), name, ["i"], ["o"], body, opsets))
    node.op_type, node.domain = name, rng.choice(("local", node.domain))
    if all(o.domain != "local" for o in model.opset_import):
        model.opset_import.append(helper.make_opsetid("local", 1))


# --- names, versions, the rest ---


@mutator(8)
def rename_value(model: onnx.ModelProto, rng: random.Random) -> None:
    """One value renamed wherever it stands: stays valid unless the name is taken or empty."""
    old, new = a_value(model, rng), rng.choice(TEXTS[1:])
    for graph in graphs(model):
        for thing in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
            thing.name = new if thing.name == old else thing.name
        for node in graph.node:
            node.input[:] = [new if n == old else n for n in node.input]
            node.output[:] = [new if n == old else n for n in node.output]


@mutator(6)
def name_nodes(model: onnx.ModelProto, rng: random.Random) -> None:
    for graph in graphs(model):
        for node in graph.node:
            node.name = rng.choice(TEXTS)
    model.graph.name = rng.choice(TEXTS[1:])


@mutator(1)
def duplicate_names(model: onnx.ModelProto, rng: random.Random) -> None:
    graph = a_graph(model, rng)
    things = [*graph.input, *graph.initializer]
    rng.choice(things).name = rng.choice(things).name


@mutator(3)
def change_opset(model: onnx.ModelProto, rng: random.Random) -> None:
    choice = rng.randrange(4)
    if choice == 0:
        model.opset_import[0].version = rng.choice((7, 9, 11, 13, 15, 17, 18, 20, 22, 23))
    elif choice == 1:
        model.opset_import[0].version = rng.choice((0, 1, 6, 999, -1, 2**62))
    elif choice == 2:
        model.opset_import.append(helper.make_opsetid(rng.choice(DOMAINS), rng.choice((1, 21, 2**40))))
    else:
        del model.opset_import[:]


@mutator(1)
def change_versions(model: onnx.ModelProto, rng: random.Random) -> None:
    model.ir_version = rng.choice((0, 1, 3, 4, 8, 9, 10, 11, 99, -1, 2**40))


@mutator(1)
def clear_part(model: onnx.ModelProto, rng: random.Random) -> None:
    part = rng.choice(("input", "output", "node", "initializer", "name"))
    if rng.random() < 0.1:
        model.ClearField("graph")
    else:
        a_graph(model, rng).ClearField(part)


@mutator(4)
def add_remarks(model: onnx.ModelProto, rng: random.Random) -> None:
    """Metadata and doc strings: stays valid."""
    model.doc_string = rng.choice(TEXTS)
    model.producer_name = rng.choice(TEXTS)
    model.metadata_props.add(key=rng.choice(TEXTS), value=rng.choice(TEXTS))
    a_node(model, rng).metadata_props.add(key="namespace", value=rng.choice(TEXTS))
