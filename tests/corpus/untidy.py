"""Small models in the untidy forms that real files have, each with what a reader must find in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, parser


@dataclass(frozen=True)
class Case:
    """A model and the expected figures. bits: the set of weight_bits of its products on crossbars."""

    model: onnx.ModelProto
    macs: int
    weights: int
    bits: frozenset[int | None] = frozenset({None})
    input_bits: frozenset[int | None] | None = None
    options: dict[str, Any] = field(default_factory=dict)  # for load_model
    says: str = ""  # a word of the notes, lower case
    valid: bool = True  # onnx.checker accepts it (after the shape values are bound)


CASES: dict[str, Callable[[], Case]] = {}


def case(make: Callable[[], Case]) -> Callable[[], Case]:
    """Register a case under its function's name."""
    CASES[make.__name__] = make
    return make


def build(text: str, *, opset: int = 21, imports: str = "", functions: str = "", **weights: Any) -> onnx.ModelProto:
    """A model from ONNX text (graph only); `weights` become initialisers (arrays or TensorProtos)."""
    header = f'<ir_version: 10, opset_import: ["" : {opset}{imports}]>'
    model = parser.parse_model(header + text + functions)
    for name, value in weights.items():
        tensor = value if isinstance(value, TensorProto) else numpy_helper.from_array(np.asarray(value))
        tensor.name = name
        model.graph.initializer.append(tensor)
    return model


def ones(*shape: int, dtype: Any = np.float32) -> np.ndarray[Any, Any]:
    """A weight of ones."""
    return np.ones(shape, dtype)


def packed(data_type: int, *dims: int) -> TensorProto:
    """A tensor of a type that NumPy lacks (int4, float8...), all zero."""
    bits = {TensorProto.INT4: 4, TensorProto.UINT4: 4, TensorProto.INT2: 2}.get(data_type, 8)
    size = (int(np.prod(dims)) * bits + 7) // 8
    return TensorProto(data_type=data_type, dims=dims, raw_data=bytes(size))


@case
def nodes_out_of_order() -> Case:
    model = build(
        "g (float[1,3,8,8] x) => (float[1,5,6,6] y) { a = Conv<pads=[1,1,1,1]>(x, w1)  b = Relu(a)  y = Conv(b, w2) }",
        w1=ones(4, 3, 3, 3), w2=ones(5, 4, 3, 3),
    )  # fmt: skip
    nodes = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return Case(model, 64 * 4 * 27 + 36 * 5 * 36, 4 * 27 + 5 * 36, valid=False)


@case
def constant_of_shape_reshape_transpose_cast() -> Case:
    model = build(
        """g (float[2,6] x) => (float[2,4] y) {
            s = Constant<value_ints=[24]>()  flat = ConstantOfShape(s)  r = Constant<value_ints=[4,6]>()
            m = Reshape(flat, r)  t = Transpose<perm=[1,0]>(m)
            h = Cast<to=10>(t)  w = Cast<to=1>(h)  y = MatMul(x, w) }"""
    )
    return Case(model, 2 * 6 * 4, 24)


@case
def huge_constant_of_shape_weight() -> Case:
    model = build(
        """g (float[1,1048576] x) => (float[1,1048576] y) {
            s = Constant<value_ints=[1048576,1048576]>()  w = ConstantOfShape(s)  y = MatMul(x, w) }"""
    )
    return Case(model, 2**40, 2**40)


@case
def constant_node_weights() -> Case:
    model = build(
        "g (float[2,3] x) => (float[2,2] y) { w = Constant<value=float[3,2]{1,2,3,4,5,6}>()  y = MatMul(x, w) }"
    )
    return Case(model, 12, 6)


@case
def half_weights_cast() -> Case:
    model = build(
        "g (float[2,6] x) => (float[2,4] y) { w = Cast<to=1>(h)  y = MatMul(x, w) }", h=ones(6, 4, dtype=np.float16)
    )
    return Case(model, 48, 24)


@case
def dequantized_int8() -> Case:
    model = build(
        "g (float[1,3,8,8] x) => (float[1,4,8,8] y) { w = DequantizeLinear(q, s, z)  y = Conv<pads=[1,1,1,1]>(x, w) }",
        q=ones(4, 3, 3, 3, dtype=np.int8), s=np.float32(0.1), z=np.int8(0),
    )  # fmt: skip
    return Case(model, 64 * 4 * 27, 4 * 27, frozenset({8}))


@case
def dequantized_int4_transposed() -> Case:
    model = build(
        "g (float[2,6] x) => (float[2,4] y) { d = DequantizeLinear(q, s)  w = Transpose(d)  y = MatMul(x, w) }",
        q=packed(TensorProto.INT4, 4, 6), s=np.float32(0.1),
    )  # fmt: skip
    return Case(model, 48, 24, frozenset({4}))


@case
def float8_weights() -> Case:
    model = build(
        "g (float[2,6] x) => (float[2,4] y) { w = Cast<to=1>(q)  y = MatMul(x, w) }",
        q=packed(TensorProto.FLOAT8E4M3FN, 6, 4),
    )
    return Case(model, 48, 24, frozenset({8}))


@case
def blocked_int4() -> Case:
    model = build(
        "g (float[2,64] x) => (float[2,4] y) { w = DequantizeLinear<axis=0, block_size=32>(q, s)  y = MatMul(x, w) }",
        q=packed(TensorProto.UINT4, 64, 4), s=ones(2, 4),
    )  # fmt: skip
    return Case(model, 512, 256, frozenset({4}))


@case
def sparse_initializer() -> Case:
    model = build("g (float[2,6] x) => (float[2,4] y) { y = MatMul(x, w) }")
    values = numpy_helper.from_array(np.array([1, 2, 3], np.float32), "w")
    indices = numpy_helper.from_array(np.array([0, 7, 20], np.int64))
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [6, 4]))
    return Case(model, 48, 24)


@case
def tied_embeddings() -> Case:
    model = build(
        """g (int64[2,5] ids) => (float[2,5,50] logits) {
            h = Gather(table, ids)  r = Relu(h)  w = Transpose(table)  logits = MatMul(r, w) }""",
        table=ones(50, 8),
    )
    return Case(model, 2 * 5 * 8 * 50, 400)


@case
def shared_weights() -> Case:
    model = build(
        "g (float[2,6] x) => (float[2,6] y) { a = MatMul(x, w)  b = Relu(a)  y = MatMul(b, w) }", w=ones(6, 6)
    )
    return Case(model, 2 * 72, 36)


@case
def domain_spelt_out_and_twice() -> Case:
    model = build("g (float[2,6] x) => (float[2,4] y) { a = MatMul(x, w)  y = Relu(a) }", w=ones(6, 4))
    model.graph.node[0].domain = "ai.onnx"
    model.opset_import.append(helper.make_opsetid("ai.onnx", 21))
    return Case(model, 48, 24)


@case
def opset_7() -> Case:
    model = build(
        """g (float[1,3,8,8] x) => (float[1,10] y) {
            c = Conv(x, w)  p = GlobalAveragePool(c)  f = Flatten(p)  y = Gemm(f, m, b) }""",
        opset=7, w=ones(4, 3, 3, 3), m=ones(4, 10), b=ones(10),
    )  # fmt: skip
    model.ir_version = 3
    model.graph.input.extend(
        helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in model.graph.initializer
    )
    return Case(model, 36 * 4 * 27 + 40, 108 + 40)


@case
def local_functions() -> Case:
    model = build(
        "g (float[2,6] x) => (float[2,6] y) { a = local.block(x, w)  y = local.block(a, v) }",
        imports=', "local" : 1', w=ones(6, 6), v=ones(6, 6),
        functions="""
            <domain: "local", opset_import: ["" : 21, "local" : 1]> block (i, m) => (o) {
                p = local.linear<axis=1>(i, m)  q = local.linear<axis=1>(p, m)  o = Relu(q) }
            <domain: "local", opset_import: ["" : 21]> linear <axis> (i, m) => (o) {
                p = MatMul(i, m)  o = Softmax<axis: int = @axis>(p) }""",
    )  # fmt: skip
    return Case(model, 4 * 72, 72)


@case
def loop_with_known_trips() -> Case:
    model = build(
        """g (float[2,6] x) => (float[2,6] y) {
            n = Constant<value_int=5>()  c = Constant<value=bool {1}>()
            y = Loop(n, c, x)<body = b (int64 i, bool k, float[2,6] s) => (bool k2, float[2,6] s2) {
                k2 = Identity(k)  s2 = MatMul(s, w) }> }""",
        w=ones(6, 6),
    )
    return Case(model, 5 * 72, 36)


@case
def loop_with_unknown_trips() -> Case:
    model = build(
        """g (float[2,6] x, int64 n) => (float[2,6] y) {
            c = Constant<value=bool {1}>()
            y = Loop(n, c, x)<body = b (int64 i, bool k, float[2,6] s) => (bool k2, float[2,6] s2) {
                k2 = Identity(k)  s2 = MatMul(s, w) }> }""",
        w=ones(6, 6),
    )
    return Case(model, 7 * 72, 36, options={"trips": 7})


@case
def scan() -> Case:
    model = build(
        """g (float[1,6] h, float[9,1,6] xs) => (float[1,6] last, float[9,1,6] ys) {
            last, ys = Scan<num_scan_inputs=1, body = b (float[1,6] s, float[1,6] x) => (float[1,6] s2, float[1,6] y) {
                m = MatMul(s, w)  s2 = Add(m, x)  y = Identity(s2) }>(h, xs) }""",
        w=ones(6, 6),
    )
    return Case(model, 9 * 36, 36)


@case
def if_takes_the_dearer_branch() -> Case:
    model = build(
        """g (float[2,6] x, bool c) => (float[2,6] y) {
            y = If(c)<then_branch = t () => (float[2,6] a) { a = MatMul(x, w) },
                      else_branch = e () => (float[2,6] b) { p = MatMul(x, w)  b = MatMul(p, v) }> }""",
        w=ones(6, 6), v=ones(6, 6),
    )  # fmt: skip
    return Case(model, 2 * 72, 72, says="branch")


@case
def if_with_a_chosen_branch() -> Case:
    return Case(if_takes_the_dearer_branch().model, 72, 36, options={"branch": "then"})


@case
def external_data_absent() -> Case:
    model = build("g (float[2,6] x) => (float[2,4] y) { y = MatMul(x, w) }", w=ones(6, 4))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    return Case(model, 48, 24, says="external", valid=False)


@case
def matmul_nbits() -> Case:
    model = build(
        """g (float[2,64] x) => (float[2,8] y) {
            y = com.microsoft.MatMulNBits<K=64, N=8, bits=4, block_size=32>(x, q, s) }""",
        imports=', "com.microsoft" : 1', q=ones(8, 2, 16, dtype=np.uint8), s=ones(16),
    )  # fmt: skip
    return Case(model, 2 * 64 * 8, 64 * 8, frozenset({4}))


@case
def qlinear_conv() -> Case:
    model = build(
        "g (uint8[1,3,8,8] x) => (uint8[1,4,6,6] y) { y = QLinearConv(x, s, zx, w, s, zw, s, zx) }",
        w=ones(4, 3, 3, 3, dtype=np.int8), s=np.float32(0.1), zx=np.uint8(3), zw=np.int8(0),
    )  # fmt: skip
    return Case(model, 36 * 4 * 27, 108, frozenset({8}), frozenset({8}))


@case
def qlinear_matmul() -> Case:
    model = build(
        "g (uint8[2,6] x) => (uint8[2,4] y) { y = QLinearMatMul(x, s, z, w, s, z, s, z) }",
        w=ones(6, 4, dtype=np.uint8), s=np.float32(0.1), z=np.uint8(3),
    )  # fmt: skip
    return Case(model, 48, 24, frozenset({8}), frozenset({8}))


@case
def conv_integer() -> Case:
    model = build(
        "g (uint8[1,3,8,8] x) => (int32[1,4,6,6] y) { y = ConvInteger(x, w) }", w=ones(4, 3, 3, 3, dtype=np.uint8)
    )
    return Case(model, 36 * 4 * 27, 108, frozenset({8}), frozenset({8}))


@case
def matmul_integer() -> Case:
    model = build("g (uint8[2,6] x) => (int32[2,4] y) { y = MatMulInteger(x, w) }", w=ones(6, 4, dtype=np.int8))
    return Case(model, 48, 24, frozenset({8}), frozenset({8}))


@case
def quantize_dequantize_pairs() -> Case:
    model = build(
        """g (float[2,6] x) => (float[2,4] y) {
            q = QuantizeLinear(x, s, z)  d = DequantizeLinear(q, s, z)  w = DequantizeLinear(i, s)
            y = Gemm<transB=1>(d, w) }""",
        i=ones(4, 6, dtype=np.int8), s=np.float32(0.1), z=np.uint8(3),
    )  # fmt: skip
    return Case(model, 48, 24, frozenset({8}), frozenset({8}))


@case
def no_product() -> Case:
    model = build("g (float[2,6] x) => (float[2,6] y) { a = Relu(x)  y = Add(a, x) }")
    return Case(model, 0, 0, frozenset(), says="product")


@case
def tree_ensemble() -> Case:
    model = build(
        """g (float[2,3] x) => (float[2,1] y) { y = ai.onnx.ml.TreeEnsembleRegressor<n_targets=1,
            nodes_falsenodeids=[2,0,0], nodes_featureids=[0,0,0], nodes_modes=["BRANCH_LEQ","LEAF","LEAF"],
            nodes_nodeids=[0,1,2], nodes_treeids=[0,0,0], nodes_truenodeids=[1,0,0], nodes_values=[0.5,0.0,0.0],
            target_ids=[0,0], target_nodeids=[1,2], target_treeids=[0,0], target_weights=[1.0,2.0]>(x) }""",
        imports=', "ai.onnx.ml" : 3',
    )
    return Case(model, 0, 0, frozenset(), says="product")


@case
def einsum_of_activations() -> Case:
    model = build(
        'g (float[2,3,4] a, float[2,5,4] b) => (float[2,3,5] y) { y = Einsum<equation="bij,bkj->bik">(a, b) }'
    )
    return Case(model, 2 * 3 * 5 * 4, 0, frozenset())


@case
def einsum_with_a_constant() -> Case:
    model = build('g (float[2,3,4] a) => (float[2,3,5] y) { y = Einsum<equation="bij,jk->bik">(a, w) }', w=ones(4, 5))
    return Case(model, 2 * 3 * 4 * 5, 20)


@case
def attention_node() -> Case:
    model = build(
        "g (float[2,4,9,8] q, float[2,4,7,8] k, float[2,4,7,6] v) => (float[2,4,9,6] y) { y = Attention(q, k, v) }",
        opset=23,
    )
    return Case(model, 2 * 4 * 9 * 7 * (8 + 6), 0, frozenset())


@case
def constant_on_the_left() -> Case:
    model = build("g (float[6,2] x) => (float[4,2] y) { y = MatMul(w, x) }", w=ones(4, 6))
    return Case(model, 48, 24)


@case
def grouped_dilated_strided_conv() -> Case:
    model = build(
        """g (float[2,8,20] x) => (float[2,8,8] y) {
            a = Conv<group=8, dilations=[2], strides=[2]>(x, w)  y = Conv<group=4>(a, v) }""",
        w=ones(8, 1, 3), v=ones(8, 2, 1),
    )  # fmt: skip
    return Case(model, 2 * 8 * 8 * 3 + 2 * 8 * 8 * 2, 24 + 16)


@case
def conv_3d_same_upper() -> Case:
    model = build(
        'g (float[1,2,5,6,7] x) => (float[1,3,3,3,4] y) { y = Conv<auto_pad="SAME_UPPER", strides=[2,2,2]>(x, w) }',
        w=ones(3, 2, 3, 3, 3),
    )
    return Case(model, 36 * 3 * 54, 162)


@case
def symbolic_batch() -> Case:
    model = build("g (float[N,6] x) => (float[N,4] y) { y = MatMul(x, w) }", w=ones(6, 4))
    return Case(model, 8 * 24, 24, options={"dims": {"N": 8}})


@case
def unnamed_dimension() -> Case:
    model = build("g (float[?,6] x) => (float[?,4] y) { y = MatMul(x, w) }", w=ones(6, 4))
    return Case(model, 8 * 24, 24, options={"shapes": {"x": (8, 6)}})


@case
def unnamed_batch() -> Case:
    return Case(unnamed_dimension().model, 3 * 24, 24, options={"batch": 3})


@case
def lstm_bidirectional() -> Case:
    model = build(
        "g (float[7,2,5] x) => (float[7,2,2,3] y) { y = LSTM<hidden_size=3, direction=\"bidirectional\">(x, w, r) }",
        w=ones(2, 12, 5), r=ones(2, 12, 3),
    )  # fmt: skip
    return Case(model, 7 * 2 * (120 + 72), 192)
