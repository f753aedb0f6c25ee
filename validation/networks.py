"""Networks of the publications that we compare with, as ONNX models without stored weights (ConstantOfShape)."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
from onnx import TensorProto, helper

from pimsim.graph import load_model
from pimsim.graph.workload import Workload

OPSET = 17

VGG = {
    "A": (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0),
    "B": (64, 64, 0, 128, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0),
    "D": (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0),
    "E": (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512, 0),
}
"""Simonyan and Zisserman, ICLR 2015, Table 1: channels of each 3x3 convolution, 0 a 2x2 max pool. C (1x1 kernels) is
left out."""


class Net:
    """A chain of nodes under construction; every method adds to the end and moves on."""

    def __init__(self, name: str, channels: int, size: int):
        self.name, self.channels, self.size, self.at = name, channels, size, "image"
        self.input = (1, channels, size, size)
        self.nodes: list[onnx.NodeProto] = []
        self.shapes: list[onnx.TensorProto] = []

    def node(self, op: str, *inputs: str, **attributes: object) -> str:
        """Add a node; its output becomes the end of the chain."""
        name = f"{op.lower()}_{sum(n.op_type == op for n in self.nodes) + 1}"
        self.nodes.append(helper.make_node(op, list(inputs or (self.at,)), [name], name=name, **attributes))
        self.at = name
        return name

    def weight(self, *shape: int) -> str:
        """A constant of this shape that takes no room in the file."""
        end, name = self.at, f"shape_{len(self.shapes) + 1}"
        self.shapes.append(helper.make_tensor(name, TensorProto.INT64, [len(shape)], list(shape)))
        made = self.node("ConstantOfShape", name)
        self.at = end
        return made

    def conv(self, channels: int, kernel: int = 3, stride: int = 1, relu: bool = True) -> str:
        """A convolution with "same" padding."""
        weight, pad = self.weight(channels, self.channels, kernel, kernel), kernel // 2
        self.node("Conv", self.at, weight, kernel_shape=[kernel] * 2, pads=[pad] * 4, strides=[stride] * 2)
        self.channels, self.size = channels, -(-self.size // stride)
        return self.node("Relu") if relu else self.at

    def pool(self, kernel: int = 2, stride: int = 2, pad: int = 0) -> str:
        """A max pool."""
        self.size = (self.size + 2 * pad - kernel) // stride + 1
        return self.node("MaxPool", kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def flatten(self) -> None:
        """All values in one row."""
        self.node("Flatten")
        self.channels, self.size = self.channels * self.size**2, 1

    def dense(self, outputs: int, relu: bool = True) -> None:
        """A fully connected layer."""
        self.node("Gemm", self.at, self.weight(outputs, self.channels), transB=1)
        self.channels = outputs
        if relu:
            self.node("Relu")

    def model(self) -> onnx.ModelProto:
        """The finished model; its output is the end of the chain."""
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, self.input)
        output = helper.make_tensor_value_info(self.at, TensorProto.FLOAT, [1, self.channels])
        graph = helper.make_graph(self.nodes, self.name, [image], [output], self.shapes)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def vgg(letter: str) -> onnx.ModelProto:
    """VGG configuration `letter` for ImageNet: 224x224 images, 1000 classes."""
    net = Net(f"vgg_{letter.lower()}", 3, 224)
    for channels in VGG[letter]:
        net.conv(channels) if channels else net.pool()
    net.flatten()
    net.dense(4096)
    net.dense(4096)
    net.dense(1000, relu=False)
    return net.model()


def vgg8() -> onnx.ModelProto:
    """VGG-8 for CIFAR-10, NeuroSim's benchmark (DNN+NeuroSim V1.3: 6 convolutions, 2 fully connected layers)."""
    net = Net("vgg8_cifar10", 3, 32)
    for channels in (128, 128, 0, 256, 256, 0, 512, 512, 0):
        net.conv(channels) if channels else net.pool()
    net.flatten()
    net.dense(1024)
    net.dense(10, relu=False)
    return net.model()


def resnet18() -> onnx.ModelProto:
    """ResNet-18 for ImageNet (He et al., CVPR 2016, Table 1), batch normalisation folded into the convolutions."""
    net = Net("resnet18", 3, 224)
    net.conv(64, kernel=7, stride=2)
    net.pool(kernel=3, stride=2, pad=1)
    for channels, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
        before, depth, size = net.at, net.channels, net.size
        net.conv(channels, stride=stride)
        main = net.conv(channels, relu=False)
        if stride != 1 or depth != channels:
            net.at, net.channels, net.size = before, depth, size
            before = net.conv(channels, kernel=1, stride=stride, relu=False)
        net.node("Add", main, before)
        net.node("Relu")
    net.node("GlobalAveragePool")
    net.size = 1
    net.flatten()
    net.dense(1000, relu=False)
    return net.model()


def workload(model: onnx.ModelProto) -> Workload:
    """`model` as pimsim reads it from a file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{model.graph.name}.onnx"
        onnx.save(model, path)
        return load_model(path)
