"""The memory controller once more, cycle by cycle in simpy: a reader can follow it, the kernels are held against it.

Every cycle of a channel does the same: let requests in that have come, decide whether reads or writes are served, and
issue at most one command: of a refresh that may not wait, else of the oldest request whose next command is allowed.
Allowed is what `pimsim.memory.rules` does not forbid, looked up in the list of all earlier commands.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy

from pimsim.memory.address import decode
from pimsim.memory.device import Device
from pimsim.memory.policy import Policy
from pimsim.memory.rules import NAMES, Rule, rules

Place = tuple[int, int, int]  # rank, bank group, bank


@dataclass
class Request:
    """An access to a row of a bank, from its arrival to the end of its data."""

    number: int
    place: Place
    row: int
    is_write: bool
    arrival: int
    done: int = -1


@dataclass
class Command:
    """A command and the banks it acts on."""

    cycle: int
    name: str
    places: tuple[Place, ...]
    row: int
    request: int = -1


@dataclass
class Rank:
    """Refreshes that a rank has had."""

    index: int
    refreshed: int = 0
    catching_up: bool = False


@dataclass
class Channel:
    """One (pseudo-)channel: its requests, its banks, and every command so far."""

    device: Device
    policy: Policy
    requests: Sequence[Request]
    rules: list[Rule] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    reads: list[Request] = field(default_factory=list)  # with no write buffer, all that wait
    writes: list[Request] = field(default_factory=list)
    rows: dict[Place, int] = field(default_factory=dict)  # open rows
    hits: dict[Place, int] = field(default_factory=dict)  # accesses since the row was opened
    closing: dict[Place, int] = field(default_factory=dict)  # when an auto-precharge begins
    draining: bool = False

    def run(self, clock: simpy.Environment) -> Generator[simpy.Event, Any, None]:
        """Until every request is served."""
        self.rules = rules(self.device, self.policy)
        self.coming = list(self.requests)
        self.ranks = [Rank(index) for index in range(self.device.organisation.ranks)]
        while self.coming or self.reads or self.writes:
            self.cycle(int(clock.now))
            yield clock.timeout(1)

    def cycle(self, now: int) -> None:
        """What the channel does in one cycle."""
        self.let_in(now)
        self.choose_direction()
        if not self.refresh(now):
            self.serve(now)

    def let_in(self, now: int) -> None:
        while self.coming and self.coming[0].arrival <= now:
            buffered = self.policy.write_queue > 0 and self.coming[0].is_write
            waiting, room = (
                (self.writes, self.policy.write_queue) if buffered else (self.reads, self.entries())
            )  # fmt: skip
            if len(waiting) >= room:
                return
            waiting.append(self.coming.pop(0))

    def entries(self) -> int:
        return self.policy.queue if self.policy.scheduler == "frfcfs" else 1

    def choose_direction(self) -> None:
        if not self.policy.write_queue:
            return
        if not self.draining:
            self.draining = len(self.writes) >= self.policy.drain_high or (not self.reads and bool(self.writes))
        elif not self.writes or (len(self.writes) <= self.policy.drain_low and self.reads):
            self.draining = False

    def refresh(self, now: int) -> bool:
        """Issues the command that a refresh needs, if one must or may be made; ranks in order."""
        for rank in self.ranks:
            if self.due(rank, now) is None:
                continue
            unit = self.unit(rank)
            is_open = [place for place in unit if place in self.rows]
            name = "PREU" if is_open else "REF"
            if not self.allowed(name, tuple(is_open or unit), now, rank.index):
                continue
            self.issue(Command(now, name, tuple(is_open or unit), rank.refreshed))
            for place in is_open:
                del self.rows[place]
            if not is_open:
                could_not_wait = self.due(rank, now)
                rank.refreshed += 1
                rank.catching_up = bool(could_not_wait) and now >= self.falls_due(rank)
            return True
        return False

    def due(self, rank: Rank, now: int) -> bool | None:
        """None: none is due, or it may be postponed; True: it can wait no longer; False: it is made as nobody waits."""
        if not self.device.timing.tREFI or self.policy.refresh == "none":
            return None
        if rank.catching_up or now >= self.falls_due(rank, self.policy.postpone):
            return True
        idle = all(request.place[0] != rank.index for request in (*self.reads, *self.writes))
        return False if idle and now >= self.falls_due(rank) else None

    def falls_due(self, rank: Rank, later: int = 0) -> int:
        """When the rank's next refresh, or the one `later` after it, falls due; ranks take turns."""
        interval = self.device.timing.tREFI
        return rank.index * interval // len(self.ranks) + (rank.refreshed + 1 + later) * interval // self.units()

    def units(self) -> int:
        shape = self.device.organisation
        return {"per_bank": self.device.banks_per_rank, "same_bank": shape.banks_per_group}.get(self.policy.refresh, 1)

    def unit(self, rank: Rank) -> tuple[Place, ...]:
        """Banks that the next refresh of the rank takes."""
        shape, turn = self.device.organisation, rank.refreshed % self.units()
        every = [(rank.index, g, k) for g in range(shape.bank_groups) for k in range(shape.banks_per_group)]
        if self.policy.refresh == "per_bank":
            return (every[turn],)
        if self.policy.refresh == "same_bank":
            return tuple(place for place in every if place[2] == turn)
        return tuple(every)

    def serve(self, now: int) -> None:
        """The oldest request of those being served whose next command is allowed. A row that was opened for one of the
        others, and has had no access yet, is still read or written."""
        waiting, everyone = self.writes if self.draining else self.reads, sorted(self.reads + self.writes, key=by_age)
        taken = {place for rank in self.ranks if self.due(rank, now) for place in self.unit(rank)}
        candidates = {}
        for place in dict.fromkeys(request.place for request in everyone):
            fresh = place in self.rows and self.hits[place] == 0
            mine = [request for request in (everyone if fresh else waiting) if request.place == place]
            if mine and place not in taken:
                for request, name in self.wishes(place, mine):
                    candidates[request.number] = (request, name)
        for number in sorted(candidates):
            request, name = candidates[number]
            if self.allowed(name, (request.place,), now, request.place[0]):
                self.act(request, name, now)
                return

    def wishes(self, place: Place, mine: list[Request]) -> list[tuple[Request, str]]:
        """Which of a bank's requests may have its turn, and the command it needs."""
        if place not in self.rows:
            return [(mine[0], "ACT")]
        hits = [request for request in mine if request.row == self.rows[place]]
        cap = self.policy.hit_cap
        if not hits or (hits[0] is not mine[0] and 0 < cap <= self.hits[place]):
            return [(mine[0], "PRE")]
        reads, writes = ([hit for hit in hits if hit.is_write is kind] for kind in (False, True))
        return [(hit, name) for kind, name in ((reads, "RD"), (writes, "WR")) for hit in kind[:1]]

    def act(self, request: Request, name: str, now: int) -> None:
        place, timing, row = request.place, self.device.timing, request.row
        waiting = self.writes if self.policy.write_queue and request.is_write else self.reads
        if name == "ACT":
            self.rows[place], self.hits[place] = row, 0
            self.closing.pop(place, None)
        elif name == "PRE":
            row = self.rows.pop(place)
        else:
            self.hits[place] += 1
            waiting.remove(request)
            latency = timing.tCWL if request.is_write else timing.tCL
            request.done = now + latency + timing.burst
            more = any(other.place == place and other.row == row for other in waiting)
            if self.policy.page == "closed" and not more:
                name += "A"
                self.closing[place] = self.first_precharge(place, name, now)
                del self.rows[place]
        self.issue(Command(now, name, (place,), row, request.number))

    def first_precharge(self, place: Place, name: str, now: int) -> int:
        """When the precharge that comes with `name` at `now` begins: as a precharge command would be allowed."""
        begin = now
        for rule in self.rules:
            if rule.scope == "bank" and "PRE" in rule.after:
                times = [c.cycle for c in self.commands if c.name in rule.before and place in c.places]
                if name in rule.before:
                    times.append(now)
                begin = max([begin, *(time + rule.cycles for time in times[-1:])])
        return begin

    def issue(self, command: Command) -> None:
        self.commands.append(command)

    def allowed(self, name: str, places: tuple[Place, ...], now: int, rank: int) -> bool:
        """Whether no rule forbids the command on these banks of the rank at this cycle."""
        if name in ("ACT", "REF"):
            ends = [self.closing[place] + self.device.timing.tRP for place in places if place in self.closing]
            if any(now < end for end in ends):
                return False
        return not any(name in rule.after and self.forbids(rule, places, now, rank) for rule in self.rules)

    def forbids(self, rule: Rule, places: tuple[Place, ...], now: int, rank: int) -> bool:
        """Whether the last command (tFAW: the fourth last) that the rule counts from is too near."""
        found = 0
        for command in reversed(self.commands):
            if now - command.cycle >= rule.cycles:
                return False  # and so are all before it
            if command.name in rule.before and related(rule.scope, command.places, places, rank):
                found += 1
                if found == rule.nth:
                    return True
        return False


def by_age(request: Request) -> int:
    return request.number


def related(scope: str, before: tuple[Place, ...], after: tuple[Place, ...], rank: int) -> bool:
    """Whether two commands stand to each other as the scope of a rule says."""
    if scope == "channel":
        return True
    if scope == "bank":
        return not set(before).isdisjoint(after)
    if scope == "group":
        return not {place[:2] for place in before}.isdisjoint({place[:2] for place in after})
    return (before[0][0] == rank) == (scope == "rank")


def run_reference(
    device: Device,
    policy: Policy,
    address: Sequence[int],
    is_write: Sequence[int] | None = None,
    arrival: Sequence[int] | None = None,
) -> tuple[list[int], list[list[Command]]]:
    """(end of data of every request, commands of every channel) of a trace, as from `pimsim.memory.run.run_trace`."""
    policy.check(device)
    parts = {name: values.tolist() for name, values in decode(device, policy.mapping, list(address)).items()}
    requests = [
        Request(
            number,
            (parts["rank"][number], parts["group"][number], parts["bank"][number]),
            parts["row"][number],
            bool(is_write[number]) if is_write is not None else False,
            int(arrival[number]) if arrival is not None else 0,
        )
        for number in range(len(address))
    ]
    wide = device.organisation.pseudo_channels
    where = [parts["channel"][n] * wide + parts["pseudo"][n] for n in range(len(address))]
    clock = simpy.Environment()
    channels = []
    for index in range(device.channels):
        mine = [request for request, channel in zip(requests, where, strict=True) if channel == index]
        channels.append(Channel(device, policy, mine))
        clock.process(channels[-1].run(clock))
    clock.run()
    return [request.done for request in requests], [channel.commands for channel in channels]


def as_log(device: Device, commands: Sequence[Sequence[Command]]) -> list[tuple[int, int, int, int, int, int]]:
    """Commands of all channels as (channel, cycle, command, bank, row, request), as in the kernels' log; the bank of a
    precharge or refresh of several is left at -1."""
    shape, lines = device.organisation, []
    for channel, own in enumerate(commands):
        for c in own:
            rank, group, bank = c.places[0]
            flat = ((channel * shape.ranks + rank) * shape.bank_groups + group) * shape.banks_per_group + bank
            many = c.name in ("PREU", "REF")
            lines.append((channel, c.cycle, NAMES.index(c.name), -1 if many else flat, c.row, c.request))
    return sorted(lines)
