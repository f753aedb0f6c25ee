"""The bank kernels beside other simulators on the same traces, set alike: `python -m validation.memory_peers`."""
