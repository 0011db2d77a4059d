# SPDX-License-Identifier: Apache-2.0
"""report.py: medians of the rounds, ratios against the bar, as Markdown, JSON and a plot."""
import json
import math
import statistics
from dataclasses import dataclass

import workloads
from workloads import Bound, Figures, Workload

NO_RIVALS = {"ours", "ours2", "relay", "pump"}


def medians(results: dict[str, dict[str, list[Figures]]]) -> dict[str, dict[str, Figures]]:
    """Workload -> peer -> the middle of the rounds, each figure by itself, with the errors of all rounds."""
    middle: dict[str, dict[str, Figures]] = {}
    for name, peers in results.items():
        middle[name] = {peer: middle_of(rounds) for peer, rounds in peers.items() if rounds}
    return middle


def middle_of(rounds: list[Figures]) -> Figures:
    def of(name: str) -> float:
        return statistics.median_low(getattr(one, name) for one in rounds)
    extra = {}
    for name, first in rounds[0].extra.items():
        told = [one.extra[name] for one in rounds if name in one.extra]
        extra[name] = statistics.median_low(told) if isinstance(first, (int, float)) else first
    return Figures(of("value"), of("delivered_per_s"), of("p50_us"), of("p99_us"), sum(one.wrong for one in rounds),
                   of("others"), extra)


@dataclass(frozen=True)
class Verdict:
    words: str
    share: float | None = None  # of what the bar allows; none: not measured
    why: str = ""

    @property
    def text(self) -> str:
        if self.share is None:
            return f"– | not measured: {self.why}"
        return f"{self.share:.2f} | {'met' if self.share <= 1 else '**missed**'}"


class Judge:
    """Holds our figures against the bar."""

    def __init__(self, middle: dict[str, dict[str, Figures]], cipher_ns_per_byte: float | None):
        self.middle = middle
        self.cipher_ns_per_byte = cipher_ns_per_byte

    def verdict(self, workload: Workload, bound: Bound) -> Verdict:
        more_is_better = workload.figure in workloads.MORE_IS_BETTER and not bound.of
        text = ("goal: " if bound.goal else "at least: ") + (bound.says or self.words(bound, more_is_better))
        ours = self.figure(workload.name, "ours", bound.of)
        if ours is None:
            return Verdict(text, why="ours did not run")
        allowed, why = self.allowed(workload, bound)
        if allowed is None:
            return Verdict(text, why=why)
        if more_is_better:
            return Verdict(text, allowed / ours if ours > 0 else math.inf)
        return Verdict(text, ours / allowed if allowed > 0 else math.inf)

    def figure(self, workload: str, peer: str, of: str = "") -> float | None:
        figures = self.middle.get(workload, {}).get(peer)
        return figures.figure(of) if figures else None

    def allowed(self, workload: Workload, bound: Bound) -> tuple[float | None, str]:
        """What the bound allows, or why that is not known."""
        if bound.against == "number":
            return bound.factor, ""
        if bound.against in ("ours", "cipher"):
            base = self.figure(bound.other, "ours", bound.of)
            if base is None:
                return None, f"{bound.other} did not run"
            if bound.against == "cipher":
                if self.cipher_ns_per_byte is None:
                    return None, "openssl speed did not run"
                base += self.cipher_ns_per_byte * workload.crypted_bytes
            return base * bound.factor, ""
        if bound.against == "best":
            rivals = [figures.figure(bound.of) for peer, figures in self.middle.get(workload.name, {}).items()
                      if peer not in NO_RIVALS and not figures.wrong]
            return (min(rivals) * bound.factor, "") if rivals else (None, "no peer ran without a fault")
        theirs = self.figure(workload.name, bound.against, bound.of)
        return (None, f"{bound.against} did not run") if theirs is None else (theirs * bound.factor, "")

    def words(self, bound: Bound, more_is_better: bool) -> str:
        if bound.against == "number":
            return f"{'≥' if more_is_better else '≤'} {bound.factor:,g}"
        if bound.against == "best":
            return f"best peer × {bound.factor:g}"
        if bound.against == "cipher":
            return f"({bound.other} + AES-GCM on the same bytes) × {bound.factor:g}"
        return f"{bound.against} ÷ {1 / bound.factor:g}" if bound.factor < 1 else f"{bound.against} × {bound.factor:g}"

    def faults(self) -> Verdict:
        ours = [figures["ours"].wrong for figures in self.middle.values() if "ours" in figures]
        text = "at least: nothing lost, duplicated or reordered, in any run"
        if not ours:
            return Verdict(text, why="ours did not run")
        return Verdict(text, float(2 * sum(ours)))  # a single one is too many


def number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def cell(workload: Workload, figures: Figures) -> str:
    text = " / ".join(number(figures.figure(of) or 0) for of in ("", *workload.beside))
    if figures.delivered_per_s and workload.figure in ("ns", "kept"):
        text += f" ({number(figures.delivered_per_s)}/s)"
    return text + (f" **{figures.wrong} wrong**" if figures.wrong else "") + (" ~" if "noisy" in figures.extra else "")


def markdown(title: str, selected: list[Workload], results: dict, peers: list[str],
             failures: dict[tuple[str, str], str], cipher_ns_per_byte: float | None) -> str:
    middle = medians(results)
    lines = [f"# {title}", "",
             "CPU nanoseconds of the broker per delivery unless the row says otherwise; in brackets what was delivered per "
             "second. Medians of the rounds. `~`: other processes took more than a fifth of a core in every try.", "",
             "| | workload | " + " | ".join(peers) + " |", "|---|---" + "|---:" * len(peers) + "|"]
    for workload in selected:
        cells = []
        for peer in peers:
            figures = middle.get(workload.name, {}).get(peer)
            cells.append(cell(workload, figures) if figures else "failed" if (workload.name, peer) in failures else "–")
        lines.append(f"| {workload.name} | {workload.title} | " + " | ".join(cells) + " |")
    if cipher_ns_per_byte is not None:
        lines += ["", f"AES-128-GCM alone: {cipher_ns_per_byte:.3f} ns a byte (`openssl speed -aead`, records of 16 KiB)."]
    if failures:
        lines += ["", "Failed:", ""]
        lines += [f"- {workload}, {peer}: {why}" for (workload, peer), why in failures.items()]
    judge = Judge(middle, cipher_ns_per_byte)
    lines += ["", "| | the bar | ours as a share of what it allows | |", "|---|---|---:|---|"]
    for workload in selected:
        for bound in workload.bounds:
            told = judge.verdict(workload, bound)
            lines.append(f"| {workload.name} | {told.words} | {told.text} |")
    faults = judge.faults()
    lines.append(f"| all | {faults.words} | {faults.text} |")
    return "\n".join(lines) + "\n"


def as_json(machine: dict, results: dict, failures: dict[tuple[str, str], str]) -> str:
    return json.dumps({"machine": machine, "failures": [[*where, why] for where, why in failures.items()], "results": {
        name: {peer: [vars(figures) for figures in rounds] for peer, rounds in peers.items()}
        for name, peers in results.items()}}, indent=1) + "\n"


COLOURS = {"ours": "#1b6ca8", "ours2": "#6fa8d6", "relay": "#8a8a8a", "pump": "#b9b9b9", "nats": "#2a9d8f", "redis": "#c0392b",
           "mosquitto": "#8e5ea2", "python": "#e0a100", "rust": "#6b4423", "tentacool": "#4c6b2a"}


def plot(selected: list[Workload], results: dict, peers: list[str]) -> str:
    """Bars on a logarithmic scale: CPU per delivery, one group for each workload."""
    middle = medians(results)
    groups = [workload for workload in selected if workload.figure == "ns" and middle.get(workload.name)]
    values = [figures.value for group in groups for figures in middle[group.name].values() if figures.value > 0]
    if not values:
        return "<svg xmlns='http://www.w3.org/2000/svg'/>\n"
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    row, gap, left, width = 14, 14, 190, 900
    scale = (width - left - 110) / max(1, high - low)
    rows = sum(len(middle[group.name]) for group in groups)
    height = 60 + rows * row + len(groups) * gap
    out = [f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' font-family='sans-serif' "
           f"font-size='11'>", "<rect width='100%' height='100%' fill='white'/>",
           "<text x='10' y='18' font-size='13'>Broker CPU per delivery, ns (logarithmic; shorter is better)</text>"]
    for power in range(low, high + 1):
        x = left + (power - low) * scale
        out.append(f"<line x1='{x:.0f}' y1='28' x2='{x:.0f}' y2='{height - 20}' stroke='#ddd'/>"
                   f"<text x='{x:.0f}' y='{height - 6}' text-anchor='middle'>{10 ** power:,}</text>")
    y = 36
    for group in groups:
        out.append(f"<text x='10' y='{y + 10}'>{group.name}: {group.title[:26]}</text>")
        for peer in peers:
            figures = middle[group.name].get(peer)
            if not figures or figures.value <= 0:
                continue
            length = max(1.0, (math.log10(figures.value) - low) * scale)
            out.append(f"<rect x='{left}' y='{y}' width='{length:.0f}' height='{row - 3}' fill='{COLOURS[peer]}'/>"
                       f"<text x='{left + length + 4:.0f}' y='{y + 10}'>{peer} {number(figures.value)}</text>")
            y += row
        y += gap
    return "\n".join(out + ["</svg>"]) + "\n"
