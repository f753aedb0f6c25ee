"""Speed and memory against stated bars: `python -m validation.benchmarks [NAME...] [--json FILE]`.

Times are minima over repetitions: what else runs on the machine only adds. A line tells the machine and its load.
"""
