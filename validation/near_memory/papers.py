"""What the papers report, how it was read, and why ours differs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """A published figure of something. read: in what text it was found for this study."""

    paper: str
    what: str
    figure: str
    read: str


ABSTRACT, NOTES = "abstract", "a reader's notes of the paper"
RECALLED = "written down from memory of the paper; its text was not at hand"
CLAIMS = (
    Claim("RecNMP, ISCA 2020", "speed-up, eight ranks, all optimisations", "up to 9.8", ABSTRACT),
    Claim("RecNMP, ISCA 2020", "speed-up, two ranks, no cache", "1.61 to 1.96", RECALLED),
    Claim("RecNMP, ISCA 2020", "speed-up, four ranks, no cache", "2.40 to 3.83", RECALLED),
    Claim("RecNMP, ISCA 2020", "speed-up, eight ranks, no cache", "3.37 to 7.35", RECALLED),
    Claim("RecNMP, ISCA 2020", "energy of the memory saved", "45.8%", ABSTRACT),
    Claim("TRiM, MICRO 2021", "TRiM-G over the plain memory", "7.7", NOTES),
    Claim("TRiM, MICRO 2021", "TRiM-G over adders in ranks", "up to 3.9", NOTES),
    Claim("TRiM, MICRO 2021", "energy saved by TRiM-G", "55%", NOTES),
    Claim("REREC, ICCAD 2021", "over a ReRAM baseline", "7.69", ABSTRACT),
    Claim("REREC, ICCAD 2021", "over a CPU; over an accelerator", "29.26; 3.48", ABSTRACT),
    Claim("UpDLRM, DAC 2024", "UPMEM over a CPU, a whole model", "up to 4.6", "a summary of the paper"),
)

DEVIATIONS = """\
- **RecNMP without cache.** Uniform rows make every access a row miss, so tFAW (four activates in 26 cycles) bounds a
  rank to 185 million rows a second, where the channel's bus carries 300 million: one rank gains nothing, two little,
  eight at most 4.9 times. What lies above that in the paper, and in our rows that come again, are hits in open DRAM
  rows, which take no activate, and a plain memory that is slower than its bus (its own queue and mapping).
- **RecNMP with cache.** Its hit rate decides. Ours is that of an LRU cache of 128 KB a rank on made traces (published
  curves of production counts; Zipf); the paper adds table-aware scheduling and profiled hot rows, which raise the hit
  rate, and are left out. One instruction in half a cycle and one sum of two modules a bag are in both.
- **Small poolings** lose to the sums: with one row a bag every row still crosses the channel; a bag over four modules
  is four sums.
- **TRiM.** Its baseline and its number of ranks were not at hand; ours grow with ranks, and 7.7 lies between two and
  four. Copies of hot rows gain where a bag is alone and one bank group would hold it up; with all bags at once other
  bags fill the gaps, and reads of a hot row in one place, which find it open, are worth more. Adders at every bank gain
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
  at 4.7 GB/s a rank: slower than one plain channel. Rows in slices of 8 bytes over cores (upmem_slices, as UpDLRM
  splits tables) leave fewer sums, but every slice pays the 77 cycles of a transfer and an index: no better here. The
  published figure is of a whole model against a whole CPU, and of many such modules: it is not of the same kind.
- **ReREC.** The baseline is a guess at the paper's (its text was not at hand): a network accelerator's crossbars, one
  wordline a read. Driving the wordlines of a bag together is the gain here. After it the hottest row bounds the time:
  every bag of its table reads it, one after another, whatever the size of the crossbars and whoever its neighbours
  are; so smaller crossbars and placement by frequency, which the abstract names beside it, show nothing on this trace,
  and a few copies on every crossbar cost reads. The paper's CPU and accelerator are not modelled.
"""
