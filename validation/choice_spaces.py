"""Choice spaces of three kinds, for tests, benchmarks and the predictor's validation: a CNN, a recommender, a
transformer encoder. Each block chooses an operator and a width; shapes follow from the block before."""

from __future__ import annotations

from pimsim.cost.shapes import PREVIOUS, Choices, chain
from pimsim.graph.workload import Edge, Kind, Layer

Shape = tuple[int, int]


def conv(
    name: str, source: int, found: Shape, channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> tuple[Layer, Shape]:
    """A convolution with "same" padding, bias and ReLU folded in; streams row by row. Returns it, (channels, size)."""
    before, size = found
    after = -(-size // stride)
    outputs = channels * after * after
    layer = Layer(
        name,
        "Conv",
        Kind.MVM,
        inputs=(Edge(source, before * size * size, min(1.0, (kernel + 1) // 2 / size), 1.0 / after),),
        groups=groups,
        rows=before // groups * kernel * kernel,
        cols=channels // groups,
        vectors=after * after,
        weight_elements=before // groups * kernel * kernel * channels,
        input_elements=before * size * size,
        fetched_elements=before * kernel * after * (size + kernel - 1),
        output_elements=outputs,
        vector_ops=2 * outputs,
    )
    return layer, (channels, after)


def step(name: str, sources: tuple[int, ...], elements: int, rows: int, **ops: int) -> Layer:
    """An elementwise step that streams row by row."""
    return Layer(
        name,
        "Add",
        Kind.DIGITAL,
        inputs=tuple(Edge(source, elements, 1.0 / rows, 1.0 / rows) for source in sources),
        input_elements=elements * len(sources),
        output_elements=elements,
        **ops,
    )


OPERATORS = ("skip", "conv3", "conv5", "bottleneck3", "inverted3", "inverted5")


def cnn(blocks: int = 12, widths: tuple[float, ...] = (0.5, 1.0, 1.5), size: int = 32) -> Choices:
    """Blocks of a CIFAR-sized CNN: six operators x widths; every fourth block halves the image and doubles channels."""

    def candidate(block: int, found: Shape, choice: int) -> tuple[list[Layer], Shape]:
        if block == 0:
            layer, shape = conv("stem", PREVIOUS, found, (16, 24, 32)[choice], 3)
            return [layer], shape
        if block == blocks + 1:
            channels, rows = found
            pooled = Layer(
                "pool",
                "GlobalAveragePool",
                Kind.DIGITAL,
                inputs=(Edge(PREVIOUS, channels * rows * rows, 1.0 / rows, 1.0 / rows),),
                input_elements=channels * rows * rows,
                output_elements=channels,
                pool_ops=channels * rows * rows,
            )
            return [pooled, dense("classes", 0, channels, 10)], found
        stride = 2 if block % 4 == 0 else 1
        operator, width = OPERATORS[choice // len(widths)], widths[choice % len(widths)]
        base = 24 * 2 ** (block // 4)
        return _block(operator, found, max(8, round(base * width / 8) * 8), stride)

    counts = [3, *[len(OPERATORS) * len(widths)] * blocks, 1]
    return chain("cnn", counts, candidate, (3, size))


def _block(operator: str, found: Shape, channels: int, stride: int) -> tuple[list[Layer], Shape]:
    if operator == "skip":
        if stride == 1:
            return [], found
        layer, shape = conv("shrink", PREVIOUS, found, channels, 1, stride)
        return [layer], shape
    if operator in ("conv3", "conv5"):
        layer, shape = conv("conv", PREVIOUS, found, channels, int(operator[-1]), stride)
        return [layer], shape
    kernel, inner = int(operator[-1]), channels // 2 if operator == "bottleneck3" else 3 * found[0]
    first, middle = conv("narrow", PREVIOUS, found, inner, 1)
    groups = 1 if operator == "bottleneck3" else inner
    second, middle = conv("spatial", 0, middle, inner, kernel, stride, groups)
    third, shape = conv("project", 1, middle, channels, 1)
    layers = [first, second, third]
    if shape == found:
        elements = shape[0] * shape[1] ** 2
        layers.append(step("add", (2, PREVIOUS), elements, shape[1], vector_ops=elements))
    return layers, shape


def dense(name: str, source: int, rows: int, cols: int, vectors: int = 1, relu: bool = False) -> Layer:
    """A matrix product with bias, token by token."""
    span = 1.0 / vectors
    return Layer(
        name,
        "Gemm",
        Kind.MVM,
        inputs=(Edge(source, rows * vectors, span, span),),
        groups=1,
        rows=rows,
        cols=cols,
        vectors=vectors,
        weight_elements=rows * cols,
        input_elements=rows * vectors,
        fetched_elements=rows * vectors,
        output_elements=cols * vectors,
        vector_ops=cols * vectors * (2 if relu else 1),
    )


def recommender(blocks: int = 6, batch: int = 64, fields: int = 26, dim: int = 16) -> Choices:
    """A dense tower over looked-up embeddings: each block is a product, a gated unit, a residual unit or a pairwise
    interaction, at one of four widths."""
    widths = (64, 128, 256, 512)
    operators = ("dense", "gated", "residual", "interaction")

    def candidate(block: int, found: int, choice: int) -> tuple[list[Layer], int]:
        if block == 0:
            size = (dim, 2 * dim)[choice]
            rows = fields * batch
            table = Layer(
                "embed",
                "Gather",
                Kind.LOOKUP,
                input_elements=rows,
                output_elements=rows * size,
                lookups=rows,
                row_elements=size,
                table_rows=100_000,
                weight_elements=100_000 * size,
            )
            return [table], fields * size
        width = widths[choice % 4]
        return _unit(operators[choice // 4], found, width, batch), width

    return chain("recommender", [2, *[16] * blocks], candidate, 0)


def _unit(operator: str, found: int, width: int, batch: int) -> list[Layer]:
    elements = width * batch
    first = dense("first", PREVIOUS, found, width, batch, relu=True)
    if operator == "dense":
        return [first]
    if operator == "residual":
        second = dense("second", 0, width, width, batch)
        return [first, second, step("add", (1, 0), elements, batch, vector_ops=elements)]
    if operator == "gated":
        gate = dense("gate", PREVIOUS, found, width, batch)
        return [
            first,
            gate,
            step("sigmoid", (1,), elements, batch, special_ops=2 * elements, vector_ops=elements),
            step("multiply", (0, 2), elements, batch, vector_ops=elements),
        ]
    parts = width // 16
    pairs = Layer(
        "pairs",
        "MatMul",
        Kind.DYNAMIC,
        inputs=(Edge(0, elements, 1.0, 1.0),),
        groups=batch,
        rows=16,
        cols=parts,
        vectors=parts,
        input_elements=2 * elements,
        fetched_elements=elements,
        output_elements=parts * parts * batch,
    )
    return [first, pairs, dense("project", 1, parts * parts, width, batch)]


def encoder(blocks: int = 6, tokens: int = 64, dim: int = 128) -> Choices:
    """Transformer blocks: attention or a plain mixing product, times the width of the feed-forward part."""

    def candidate(block: int, found: int, choice: int) -> tuple[list[Layer], int]:
        inner, heads = dim * (1, 2, 4)[choice % 3], (0, 2, 4, 8)[choice // 3]
        elements = tokens * dim
        layers: list[Layer] = []
        if heads:
            layers.append(dense("qkv", PREVIOUS, dim, 3 * dim, tokens))
            for name, rows, cols, source in (("scores", dim // heads, tokens, 0), ("mix", tokens, dim // heads, 1)):
                product = Layer(
                    name,
                    "MatMul",
                    Kind.DYNAMIC,
                    inputs=(Edge(source, tokens * max(dim, heads * tokens), 1.0, 1.0),),
                    groups=heads,
                    rows=rows,
                    cols=cols,
                    vectors=tokens,
                    input_elements=2 * elements,
                    fetched_elements=elements,
                    output_elements=heads * tokens * cols,
                    special_ops=heads * tokens * tokens if name == "scores" else 0,
                )
                layers.append(product)
        layers.append(dense("mixed", len(layers) - 1 if layers else PREVIOUS, dim, dim, tokens))
        layers.append(step("add", (len(layers) - 1, PREVIOUS), elements, tokens, vector_ops=elements))
        layers.append(dense("up", len(layers) - 1, dim, inner, tokens, relu=True))
        layers.append(dense("down", len(layers) - 1, inner, dim, tokens))
        layers.append(step("add2", (len(layers) - 1, len(layers) - 3), elements, tokens, vector_ops=elements))
        return layers, dim

    return chain("encoder", [12] * blocks, candidate, dim)
