"""What the papers report, how it was read, and why ours differs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """A published figure. read: in what text it was found for this study."""

    paper: str
    figure: str
    read: str


CLAIMS = (
    Claim("RecNMP, ISCA 2020", "memory latency up to 9.8 times shorter, with all its optimisations", "abstract"),
    Claim("RecNMP, ISCA 2020", "memory energy 45.8% less", "abstract"),
    Claim(
        "RecNMP, ISCA 2020", "without the cache 1.61 to 1.96 (2 ranks), 2.40 to 3.83 (4), 3.37 to 7.35 (8)",
        "from memory of its section V; the text was not at hand",
    ),
    Claim("TRiM, MICRO 2021", "TRiM-G 7.7 times the baseline, 55% less energy", "a reader's notes of the paper"),
    Claim("TRiM, MICRO 2021", "up to 3.9 times what rank-level adders reach", "a reader's notes of the paper"),
    Claim("REREC, ICCAD 2021", "7.69 times a ReRAM baseline, 29.26 times a CPU, 3.48 times an accelerator", "abstract"),
    Claim("UpDLRM, DAC 2024 (UPMEM)", "up to 4.6 times a CPU's inference of a whole model", "a summary of the paper"),
)  # fmt: skip

DEVIATIONS = """\
- **RecNMP without cache.** Uniform rows make every access a row miss, so tFAW (four activates in 21 ns) bounds a rank
  to 190 million rows a second, where the channel's bus carries 300 million: one rank gains nothing, two little, eight
  six times less the unevenness of ranks over a bag. What the paper's traces gain beyond comes from rows that follow
  each other in one DRAM row.
- **RecNMP with cache.** Its hit rate decides. Ours is that of an LRU cache of 128 KB a rank on made traces (published
  curves of production counts; Zipf); the paper adds table-aware scheduling and profiled hot rows, which raise the hit
  rate, and are left out. One instruction in half a cycle and one sum of two modules a bag are in both.
- **Small poolings** lose to the sums: with one row a bag every row still crosses the channel; a bag over four modules
  is four sums.
- **TRiM.** Rows are drawn evenly and lie over bank groups by their number, so bags are as uneven as chance makes
  them; the paper's copies of hot rows even that out, but its traces are skewed to begin with. Its baseline and its
  number of ranks were not at hand; ours grow with ranks, and 7.7 lies between two and four. Adders at every bank gain
  less than at bank groups here: with 80 rows over 64 banks and more there is a sum for almost every row, and all of
  them cross the rank's bus.
- **TensorDIMM** reads 64 bytes of every rank whatever a row has: below 64 bytes times ranks it wastes what it reads.
- **Energy.** Ours saves more than the papers say: the plain memory pays 22 pJ/bit at the pins for every row, near
  memories for sums only, and background is paid for as long as the run takes. The papers count parts of the system
  beside that (caches, decoders, processors) that are not in these figures.
- **HBM-PIM** moves sixteen banks in step: a row of 64 bytes opens sixteen DRAM rows. It is slower than the plain
  memory until rows have kilobytes. Banks of their own (hbm2_banks, GDDR6-AiM's commands for one bank) do not have
  that.
- **UPMEM.** Rows are spread over 128 cores, so a bag of 80 has almost as many sums as rows, and those go to the host
  at 4.7 GB/s a rank: slower than one plain channel. Published work splits rows by columns, lays tables by hand, and
  compares whole CPUs and models; it is no figure of the same kind.
- **ReREC.** The baseline is a guess at the paper's (its text was not at hand): a network accelerator's crossbars, one
  wordline a read. Driving the wordlines of a bag together gives most of the gain; that and the placement by frequency
  are what the abstract names.
"""
