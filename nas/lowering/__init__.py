"""Architectures as pimsim workloads, directly and through ONNX."""
