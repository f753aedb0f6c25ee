"""The memory controller's options of `pimsim trace run`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Literal

from pimsim.cli.parsing import Parser, choice, whole

if TYPE_CHECKING:
    from pimsim.memory.policy import Policy

REFRESHES = ("all_bank", "per_bank", "same_bank", "none")


def add_controller_options(made: Parser) -> None:
    """--policy and what goes with it."""
    control = made.add_argument_group("controller")
    control.add_argument(
        "--policy", type=choice("fcfs", "frfcfs"), metavar="fcfs|frfcfs",
        help="in order, or of those queued the oldest whose row is open (fcfs; beside near memories frfcfs)",
    )  # fmt: skip
    control.add_argument("--queue", type=whole(1, 4096), default=32, metavar="N", help="frfcfs: entries a channel (32)")
    control.add_argument(
        "--write-queue", type=whole(0, 4096), default=0, metavar="N",
        help="frfcfs: entries of a write buffer beside it, drained from three quarters down to one (0: none)",
    )  # fmt: skip
    control.add_argument(
        "--hit-cap", type=whole(0, 1 << 30), default=0, metavar="N",
        help="accesses to an open row after which an older request for another goes first (0: any)",
    )  # fmt: skip
    control.add_argument(
        "--page", type=choice("open", "closed"), default="open", metavar="open|closed", help="rows after use (open)"
    )
    control.add_argument(
        "--refresh", type=choice(*REFRESHES), default="all_bank", metavar="|".join(REFRESHES), help="(all_bank)"
    )
    control.add_argument(
        "--postpone", type=whole(0, 8), default=0, metavar="N", help="refreshes owed while requests wait (0)"
    )
    control.add_argument(
        "--power-down", type=whole(0, 1 << 30), metavar="N",
        help="energy as if ranks that are quiet for N cycles were powered down (traces of up to 2 million accesses)",
    )  # fmt: skip
    control.add_argument("--ignore-arrivals", action="store_true", help="requests are there as fast as they are taken")
    control.add_argument(
        "--mapping", metavar="FIELDS", help="address fields, most significant first, e.g. 'ro ba ra co bg pc ch'"
    )


def policy_of(options: argparse.Namespace, scheduler: Literal["fcfs", "frfcfs"] = "fcfs") -> Policy:
    """The policy that the options say, `scheduler` where they name none. Raises InputError for settings that do not go
    together."""
    from pimsim.memory.policy import Policy

    more = {} if options.mapping is None else {"mapping": options.mapping}
    entries = options.write_queue
    return Policy(
        scheduler=scheduler if options.policy is None else options.policy,
        queue=options.queue,
        write_queue=entries,
        drain_high=-(-3 * entries // 4),
        drain_low=entries // 4,
        hit_cap=options.hit_cap,
        page=options.page,
        refresh=options.refresh,
        postpone=options.postpone,
        **more,
    )
