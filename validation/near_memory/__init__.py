"""Reduction near the banks against plain memories for SparseLengthsSum, beside what the papers report."""
