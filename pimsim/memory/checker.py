"""Reads a command log and proves it: every command is allowed when it stands, and was not allowed a cycle earlier.

Knows the standard's distances (`pimsim.memory.rules`) and what a bank may be asked for, and nothing of how the engines
schedule: the two kernels, the simpy model or another simulator's log are all the same to it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pimsim.memory.device import Device
from pimsim.memory.policy import Policy
from pimsim.memory.rules import NAMES, Rule, rules

Line = Sequence[int]  # cycle, command, bank, row (of a refresh: its number), request
Place = tuple[int, int, int]  # rank, bank group, bank


@dataclass
class Findings:
    """faults: one line a broken rule. late: one line a command that nothing held back a cycle earlier. binding: how
    often each rule was what held a command back."""

    faults: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    binding: Counter[str] = field(default_factory=Counter)


def check_log(
    device: Device, policy: Policy, log: Iterable[Line], arrivals: Iterable[int] | None = None
) -> Findings:  # fmt: skip
    """Findings over the log of all channels. arrivals: cycles at which requests came (0 alone if left out)."""
    findings, banks = Findings(), device.organisation.ranks * device.banks_per_rank
    channels: dict[int, list[Line]] = defaultdict(list)
    for line in log:
        channels[int(line[2]) // banks].append(line)
    came = {0} if arrivals is None else {int(cycle) for cycle in arrivals}
    for channel, lines in sorted(channels.items()):
        _Channel(device, policy, f"channel {channel}: ", channel * banks, came, findings).read(lines)
    return findings


class _Channel:
    """What the standard lets one channel do next, from the commands read so far."""

    def __init__(
        self, device: Device, policy: Policy, label: str, first_bank: int, came: set[int], findings: Findings
    ) -> None:
        self.device, self.policy, self.label = device, policy, label
        self.first_bank, self.came, self.findings = first_bank, came, findings
        self.rules = rules(device, policy)
        self.closing = [rule for rule in self.rules if rule.scope == "bank" and "PRE" in rule.after]
        self.times: list[dict[object, list[int]]] = [defaultdict(list) for _ in self.rules]
        self.rows: dict[Place, int] = {}
        self.refreshed: Counter[int] = Counter()

    def read(self, lines: list[Line]) -> None:
        for line in sorted(lines, key=lambda entry: int(entry[0])):
            cycle, name = int(line[0]), NAMES[int(line[1])]
            places = self._places(name, int(line[2]), int(line[3]))
            text = f"{self.label}{name} at {cycle} (bank {int(line[2])}, row {int(line[3])})"
            self._state(name, places, int(line[3]), text)
            if name == "REF":
                self._cadence(cycle, places[0][0], text)
            held = self._distances(cycle, name, places, text)
            self.findings.binding.update(held)
            if not held and not self._enabled(cycle, name, places[0][0]):
                self.findings.late.append(f"{text} could have stood a cycle earlier")
            self._remember(cycle, name, places, int(line[3]))

    def _places(self, name: str, bank: int, number: int) -> tuple[Place, ...]:
        shape, flat = self.device.organisation, bank - self.first_bank
        rank, rest = divmod(flat, self.device.banks_per_rank)
        group, own = divmod(rest, shape.banks_per_group)
        if name not in ("PREU", "REF") or self.policy.refresh == "per_bank":
            return ((rank, group, own),)
        every = [(rank, g, k) for g in range(shape.bank_groups) for k in range(shape.banks_per_group)]
        if self.policy.refresh == "same_bank":
            every = [place for place in every if place[2] == number % shape.banks_per_group]
        if name == "PREU":
            every = [place for place in every if place in self.rows] or every
        return tuple(every)

    def _state(self, name: str, places: tuple[Place, ...], row: int, text: str) -> None:
        """A row is open for an access, its own; none for an activate or a refresh."""
        opened = [self.rows[place] for place in places if place in self.rows]
        if name in ("ACT", "REF") and opened:
            self.findings.faults.append(f"{text}: row {opened[0]} is open")
        elif name in ("RD", "WR", "RDA", "WRA") and opened != [row]:
            self.findings.faults.append(f"{text}: {f'row {opened[0]} is' if opened else 'no row is'} open")
        elif name in ("PRE", "PREU") and not opened:
            self.findings.faults.append(f"{text}: no row is open")

    def _distances(self, cycle: int, name: str, places: tuple[Place, ...], text: str) -> list[str]:
        """Faults of distance; names of the rules that forbid the cycle before."""
        held = []
        for rule, times in zip(self.rules, self.times, strict=True):
            if name not in rule.after:
                continue
            looked_up = [times[key] for key in self._looked_up(rule, places, times)]
            earlier = [seen[-rule.nth] for seen in looked_up if len(seen) >= rule.nth]
            if not earlier:
                continue
            distance = cycle - max(earlier)
            if distance < rule.cycles:
                behind = f"{distance} cycles behind the command at {max(earlier)}; {rule.name} asks {rule.cycles}"
                self.findings.faults.append(f"{text}: {behind} ({rule.clause})")
            elif distance == rule.cycles:
                held.append(rule.name)
        return held

    def _looked_up(self, rule: Rule, places: tuple[Place, ...], times: dict[object, list[int]]) -> list[object]:
        if rule.scope == "other rank":
            return [key for key in list(times) if key != places[0][0]]
        return list(dict.fromkeys(_key(rule.scope, place) for place in places))

    def _remember(self, cycle: int, name: str, places: tuple[Place, ...], row: int) -> None:
        for rule, times in zip(self.rules, self.times, strict=True):
            if name in rule.before:
                for key in dict.fromkeys(_key(rule.scope, place) for place in places):
                    times[key] = [*times[key][-3:], cycle]
        for place in places:
            if name == "ACT":
                self.rows[place] = row
            elif name in ("PRE", "PREU"):
                self.rows.pop(place, None)
            elif name in ("RDA", "WRA"):
                self.rows.pop(place, None)
                begin = max(
                    times[place][-1] + rule.cycles
                    for rule, times in zip(self.rules, self.times, strict=True)
                    if rule in self.closing and times[place]
                )
                for rule, times in zip(self.rules, self.times, strict=True):
                    if rule.name == "tRP":
                        times[place] = [begin]
        if name == "REF":
            self.refreshed[places[0][0]] += 1

    def _due(self, rank: int, extra: int = 0) -> int:
        """When the next refresh of a rank, or the one `extra` later, falls due."""
        interval, shape = self.device.timing.tREFI, self.device.organisation
        parts = {"per_bank": self.device.banks_per_rank, "same_bank": shape.banks_per_group}
        return rank * interval // shape.ranks + (self.refreshed[rank] + 1 + extra) * interval // parts.get(
            self.policy.refresh, 1
        )

    def _cadence(self, cycle: int, rank: int, text: str) -> None:
        """A refresh is not early, and no later than postponement allows and closing the rows takes."""
        if cycle < self._due(rank):
            self.findings.faults.append(f"{text}: not due before {self._due(rank)}")
        worst = sum(sorted(rule.cycles for rule in self.rules)[-3:]) + 64 * self.device.organisation.ranks
        if cycle > self._due(rank, self.policy.postpone) + worst:
            self.findings.faults.append(f"{text}: was due at {self._due(rank, self.policy.postpone)}")

    def _enabled(self, cycle: int, name: str, rank: int) -> bool:
        """Whether something other than a distance made the command possible at this very cycle."""
        if cycle in self.came:
            return True
        return name in ("REF", "PREU") and cycle in (self._due(rank), self._due(rank, self.policy.postpone))


def _key(scope: str, place: Place) -> object:
    if scope == "channel":
        return None
    return {"bank": place, "group": place[:2]}.get(scope, place[0])
