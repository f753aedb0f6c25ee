"""Traces of requests to embedding tables or addresses: the format, its readers and writers, generators, statistics.

`open_trace(path)` gives a `Trace` of any known form; `write_trace(path, header, chunks)` writes one, whole or absent.
"""

from pimsim.memory.traces.files import open_trace, write_trace
from pimsim.memory.traces.form import CHUNK, Chunk, Header, TableShape, Trace

__all__ = ["CHUNK", "Chunk", "Header", "TableShape", "Trace", "open_trace", "write_trace"]
