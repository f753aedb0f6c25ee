"""Convolutions: Conv, ConvTranspose, their quantised and fused forms, DeformConv, CausalConvWithState."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd, prod
from typing import NoReturn

from pimsim.graph.operators import streaming
from pimsim.graph.operators.costs import fused_activation
from pimsim.graph.operators.products import activation_bits, dynamic, size, stationary
from pimsim.graph.operators.site import Handler, Site
from pimsim.graph.workload import Edge, Kind


@dataclass(frozen=True, slots=True)
class Window:
    """Geometry of a sliding window over the spatial axes: one entry an axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    pad_begin: tuple[int, ...]
    pad_end: tuple[int, ...]

    @property
    def extent(self) -> tuple[int, ...]:
        """Rows, columns... that the window spans, dilation included."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True))


def read_window(site: Site, spatial: tuple[int, ...], kernel: tuple[int, ...], ceil: bool = False) -> Window:
    """The window of a Conv or pooling node over `spatial`; auto_pad resolved."""
    n = len(spatial)
    stride = site.attr_ints("strides", n, 1, low=1) or [1] * n
    dilation = site.attr_ints("dilations", n, 1, low=1) or [1] * n
    auto = site.attr_str("auto_pad", "NOTSET")
    pads = site.attr_ints("pads", 2 * n, 0, low=-(2**62)) or [0] * (2 * n)
    begin, end = pads[:n], pads[n:]
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        for i in range(n):
            extent = (kernel[i] - 1) * dilation[i] + 1
            total = max(0, (-(-spatial[i] // stride[i]) - 1) * stride[i] + extent - spatial[i])
            small, large = total // 2, total - total // 2
            begin[i], end[i] = (small, large) if auto == "SAME_UPPER" else (large, small)
    elif auto == "VALID":
        begin, end = [0] * n, [0] * n
    elif auto not in ("NOTSET", ""):
        site.fail(f"auto_pad is '{auto[:40]!r}'; allowed: NOTSET, SAME_UPPER, SAME_LOWER, VALID")
    return Window(kernel, tuple(stride), tuple(dilation), tuple(begin), tuple(end))


def window_outputs(site: Site, spatial: tuple[int, ...], window: Window, ceil: bool = False) -> tuple[int, ...]:
    """Output positions along each spatial axis."""
    result = []
    for i, length in enumerate(spatial):
        room = length + window.pad_begin[i] + window.pad_end[i] - window.extent[i]
        if room < 0:
            site.fail(
                f"the window spans {window.extent[i]} positions along spatial axis {i}, "
                f"but the padded input has {room + window.extent[i]}"
            )
        result.append((-(-room // window.stride[i]) if ceil else room // window.stride[i]) + 1)
    return tuple(result)


def fetched_columns(outputs: int, kernel: int, stride: int, dilation: int) -> int:
    """Columns fetched for one row of `outputs` windows when columns stay in the input registers along the row.

    Let g = gcd(stride, dilation). The first dilation/g windows of the row share no column with an earlier one and
    are fetched whole (kernel columns each); every later window shares with the one dilation/g before it and needs
    min(stride/g, kernel) new columns. Without dilation: kernel + (outputs - 1) * min(stride, kernel).
    """
    g = gcd(stride, dilation)
    whole = min(outputs, dilation // g)
    return whole * kernel + (outputs - whole) * min(stride // g, kernel)


def kernel_of(site: Site, shape: tuple[int, ...], wanted: int) -> tuple[int, ...]:
    """Spatial dimensions of the weight `shape`; `kernel_shape`, if given, must agree."""
    kernel = shape[2:]
    if len(kernel) != wanted:
        site.fail(f"the weight has the shape {list(shape)}; the input has {wanted} spatial dimensions")
    if any(k < 1 for k in kernel):
        site.fail(f"the weight has the shape {list(shape)}; a kernel needs at least one element along each axis")
    given = site.attr_ints("kernel_shape")
    if given and tuple(given) != kernel:
        site.fail(f"kernel_shape is {given}, but the weight has the shape {list(shape)}")
    return kernel


def _misfit(site: Site, c_in: int, w_shape: tuple[int, ...], group: int) -> NoReturn:
    site.fail(f"an input of {c_in} channels, a weight of the shape {list(w_shape)} and group {group} do not fit")


def _bias_size(site: Site, i: int | None) -> int:
    if i is None:
        return 0
    tensor = site.input(i)
    return tensor.elements if tensor is not None else 0


def convolution(
    site: Site,
    *,
    weight_at: int = 1,
    bias_at: int | None = 2,
    fused: bool = False,
    extra: int = 0,
    channels_last: bool = False,
) -> None:
    """Conv over [N, C, ...]: stationary when the weight is constant, else a dynamic product.

    MACs = output positions x Cin/groups x kernel volume x Cout, padding positions included.
    fetched = N x Cin x kernel rows (x planes) x output rows x `fetched_columns` of a row.
    `extra`: vector operations for each output (requantisation). `channels_last`: X is [N, ..., C] (com.microsoft).
    """
    x, w = site.need(0), site.need(weight_at)
    last_axis = channels_last or bool(site.attr_int("channels_last", 0))
    shape = _channels_first(site.shape(0, 3), last_axis)
    w_shape = site.shape(weight_at, 3)
    spatial = shape[2:]
    group = site.attr_int("group", 1, low=1)
    if channels_last and w_shape[1] * group != shape[1]:
        w_shape = _channels_first(w_shape, True)  # some execution providers turn the weight, too
    kernel = kernel_of(site, w_shape, len(spatial))
    c_in, c_out = shape[1], w_shape[0]
    if w_shape[1] * group != c_in or c_out % group:
        _misfit(site, c_in, w_shape, group)
    window = read_window(site, spatial, kernel)
    out = site.output()
    if out is not None and out.shape is not None and len(out.shape) == len(shape):
        positions = _channels_first(out.shape, last_axis)[2:]
    else:
        positions = window_outputs(site, spatial, window)
    outputs = shape[0] * c_out * prod(positions)
    rows_axis = 1 if last_axis else 2
    first, last = _window_shares(site, shape[0], positions[0], window, rows_axis)
    special, vector = fused_activation(site, outputs) if fused else (0, 0)
    vector += extra * outputs
    rows, cols, vectors = w_shape[1] * prod(kernel), c_out // group, shape[0] * prod(positions)
    edges = site.edge_with(0, first, last)
    if fused and site.input(3) is not None:
        vector += outputs
        edges += site.edge(3, (0, rows_axis))
    bias = _bias_size(site, bias_at)
    if w.constant is None:
        site.note("its weight is not constant: a product of two activations")
        dynamic(
            site, edges + site.edge(weight_at, ()), groups=group, rows=rows, cols=cols, vectors=vectors,
            order=(0, rows_axis),
            input_elements=x.elements + w.elements, out_elements=outputs, input_bits=activation_bits(x), bias=bias,
            extra_vector=vector, extra_special=special,
        )  # fmt: skip
        return
    columns = fetched_columns(positions[-1], kernel[-1], window.stride[-1], window.dilation[-1])
    fetched = shape[0] * c_in * prod(kernel[:-1]) * prod(positions[:-1]) * columns
    stationary(
        site, edges, w.constant, groups=group, rows=rows, cols=cols, vectors=vectors, order=(0, rows_axis), x=x,
        out_elements=size(out, outputs), fetched=fetched, bias=bias, extra_vector=vector, extra_special=special,
    )  # fmt: skip


def _channels_first(shape: tuple[int, ...], channels_last: bool) -> tuple[int, ...]:
    return (shape[0], shape[-1], *shape[1:-1]) if channels_last else shape


def _window_shares(site: Site, batch: int, out_rows: int, window: Window, axis: int) -> tuple[float, float]:
    out_shape = (batch, *[1] * (axis - 1), out_rows)
    return streaming.window(
        site.flow(0), site.shape(0), out_shape, extent=window.extent[0], stride=window.stride[0],
        pad=window.pad_begin[0], axis=axis,
    )  # fmt: skip


def conv_transpose(site: Site) -> None:
    """ConvTranspose: every input position is multiplied with Cin/groups x (Cout/groups x kernel volume), the products
    are added into the output. MACs = input positions x Cin x Cout/groups x kernel volume. Work runs over input rows."""
    x, w = site.need(0), site.need(1)
    shape, w_shape = site.shape(0, 3), site.shape(1, 3)
    kernel = kernel_of(site, w_shape, len(shape) - 2)
    group = site.attr_int("group", 1, low=1)
    c_in = shape[1]
    if w_shape[0] != c_in or c_in % group:
        _misfit(site, c_in, w_shape, group)
    rows, cols, vectors = c_in // group, w_shape[1] * prod(kernel), shape[0] * prod(shape[2:])
    out = site.output()
    out_elements = site.output_size() if out is not None else 0
    overlap = group * cols * vectors  # every product is added to an output position
    edges = site.edge(0, (0, 2))
    bias = _bias_size(site, 2)
    if w.constant is None:
        site.note("its weight is not constant: a product of two activations")
        dynamic(
            site, edges + site.edge(1, ()), groups=group, rows=rows, cols=cols, vectors=vectors, order=(0, 2),
            input_elements=x.elements + w.elements, out_elements=out_elements, input_bits=activation_bits(x), bias=bias,
            extra_vector=overlap,
        )  # fmt: skip
        return
    stationary(
        site, edges, w.constant, groups=group, rows=rows, cols=cols, vectors=vectors, order=(0, 2), x=x,
        out_elements=out_elements, bias=bias, extra_vector=overlap,
    )  # fmt: skip


def conv(site: Site) -> None:
    """Conv: X, W, B."""
    convolution(site)


def fused_conv(site: Site) -> None:
    """com.microsoft FusedConv: X, W, B, Z (added), then an activation."""
    convolution(site, fused=True)


def nhwc_conv(site: Site) -> None:
    """com.microsoft NhwcConv: Conv with the channels behind."""
    convolution(site, channels_last=True)


def nhwc_fused_conv(site: Site) -> None:
    """com.microsoft NhwcFusedConv: FusedConv with the channels behind."""
    convolution(site, fused=True, channels_last=True)


def conv_integer(site: Site) -> None:
    """ConvInteger: x, w, zero points."""
    convolution(site, bias_at=None)


def qlinear_conv(site: Site) -> None:
    """QLinearConv: x and its scale and zero, w likewise, those of y, B; each output is scaled, rounded and clipped."""
    convolution(site, weight_at=3, bias_at=8, extra=3)


def deform_conv(site: Site) -> None:
    """DeformConv: a convolution whose taps are sampled by bilinear interpolation (4 products, 3 sums and 4 weights
    for each tap: 11 operations; a mask is one more)."""
    shape, w_shape = site.shape(0, 3), site.shape(1, 3)
    out = site.output()
    positions = prod(site.shape_of(out, 3)[2:]) if out is not None else 0
    taps = shape[0] * shape[1] * positions * prod(w_shape[2:])
    masked = site.input(4) is not None
    sampled = taps * (12 if masked else 11)
    edges: tuple[Edge, ...] = site.edge(0, (0,)) + site.edge(2, (0, 2)) + site.edge(4, (0, 2))
    if sampled:
        index = site.emit(
            Kind.DIGITAL, edges, suffix="/sampling", order=(0, 2), outputs=(), vector_ops=sampled,
            input_elements=sum(site.elements(site.input(i)) for i in (0, 2, 4)), output_elements=taps,
        )  # fmt: skip
    else:
        index = None
    group = site.attr_int("group", 1, low=1)
    if w_shape[1] * group != shape[1] or w_shape[0] % group:
        _misfit(site, shape[1], w_shape, group)
    x, w = site.need(0), site.need(1)
    source = () if index is None else (Edge(index, taps * site.builder.trips, *_row_share(site, shape[0], out)),)
    groups, rows, cols = group, w_shape[1] * prod(w_shape[2:]), w_shape[0] // group
    vectors, bias, outputs = shape[0] * positions, _bias_size(site, 3), size(out, 0)
    if w.constant is None:
        dynamic(
            site, source + site.edge(1, ()), groups=groups, rows=rows, cols=cols, vectors=vectors, order=(0, 2),
            input_elements=taps + w.elements, out_elements=outputs, bias=bias,
        )  # fmt: skip
        return
    stationary(
        site, source, w.constant, groups=groups, rows=rows, cols=cols, vectors=vectors, order=(0, 2), x=x,
        input_elements=taps, out_elements=outputs, bias=bias,
    )  # fmt: skip
    site.mark(Kind.MVM.value)


def _row_share(site: Site, batch: int, out: object) -> tuple[float, float]:
    tensor = site.output()
    if site.builder.trips != 1 or tensor is None or tensor.shape is None:
        return 1.0, 1.0
    share = 1.0 / streaming.steps(tensor.shape, (0, 2))
    return share, share


def causal_conv_with_state(site: Site) -> None:
    """CausalConvWithState: a depthwise convolution along the last axis over X [N, C, L] with W [C, 1, k], its state
    (the last k-1 columns of the step before) and an optional activation. MACs = N x C x L x k."""
    x, w = site.need(0), site.need(1)
    shape, w_shape = site.shape(0, 3), site.shape(1, 3)
    positions = shape[0] * prod(shape[2:])
    kernel = prod(w_shape[2:])
    outputs = shape[0] * shape[1] * prod(shape[2:])
    special = outputs if site.attr_str("activation", "none") not in ("none", "") else 0
    edges = site.edge(0, (0, 2)) + site.edge(3, ())
    columns = fetched_columns(shape[-1], kernel, 1, 1) if shape[-1] else 0
    if w.constant is None:
        dynamic(
            site, edges + site.edge(1, ()), groups=shape[1], rows=kernel, cols=1, vectors=positions, order=(0, 2),
            input_elements=x.elements + w.elements, out_elements=outputs, bias=_bias_size(site, 2),
            extra_special=special,
        )  # fmt: skip
        return
    stationary(
        site, edges, w.constant, groups=shape[1], rows=kernel, cols=1, vectors=positions, order=(0, 2), x=x,
        out_elements=outputs, fetched=shape[0] * shape[1] * prod(shape[2:-1]) * columns, bias=_bias_size(site, 2),
        extra_special=special,
    )  # fmt: skip


OPERATORS: Mapping[str, Handler] = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "ConvInteger": conv_integer,
    "QLinearConv": qlinear_conv,
    "DeformConv": deform_conv,
    "CausalConvWithState": causal_conv_with_state,
    "com.microsoft.FusedConv": fused_conv,
    "com.microsoft.NhwcConv": nhwc_conv,
    "com.microsoft.NhwcFusedConv": nhwc_fused_conv,
    "com.microsoft.QLinearConv": qlinear_conv,
    "com.microsoft.ConvTransposeWithDynamicPads": conv_transpose,
}
