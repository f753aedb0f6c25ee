"""nas: architecture search over recommenders and vision networks, with pimsim's hardware in the loop.

Parts are imported by their own names (`nas.data`, `nas.spaces.nasrec`, ...); this file loads nothing.
"""
