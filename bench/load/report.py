# SPDX-License-Identifier: Apache-2.0
"""report.py: medians of the rounds, ratios against the bar, as Markdown, JSON and a plot."""
import json
import statistics

import workloads
from workloads import Bound, Figures, Workload

METERS = {"relay", "pump"}


def medians(results: dict[str, dict[str, list[Figures]]]) -> dict[str, dict[str, Figures]]:
    """Workload -> peer -> the round in the middle by its value, with the errors of all rounds."""
    middle: dict[str, dict[str, Figures]] = {}
    for name, peers in results.items():
        middle[name] = {}
        for peer, rounds in peers.items():
            if rounds:
                figures = sorted(rounds, key=lambda one: one.value)[(len(rounds) - 1) // 2]
                figures.wrong = sum(one.wrong for one in rounds)
                middle[name][peer] = figures
    return middle


def verdict(workload: Workload, peers: dict[str, Figures], bound: Bound) -> tuple[str, float, bool] | None:
    """What the bound says, our figure as a share of what it allows, and whether it is met."""
    if "ours" not in peers:
        return None
    ours = peers["ours"].value
    higher = workload.figure in workloads.HIGHER_IS_BETTER
    if bound.peer == "absolute":
        allowed, words = bound.factor, f"{'≥' if higher else '≤'} {bound.factor:g}"
    elif bound.peer == "best":
        rivals = [figures.value for peer, figures in peers.items() if peer not in METERS | {"ours"}]
        if not rivals:
            return None
        allowed, words = min(rivals) * bound.factor, f"best peer × {bound.factor:g}"
    elif bound.peer in peers:
        allowed = peers[bound.peer].value * bound.factor
        words = f"{bound.peer} ÷ {1 / bound.factor:g}" if bound.factor <= 1 else f"{bound.peer} × {bound.factor:g}"
    else:
        return None
    if allowed <= 0:
        return None
    share = allowed / ours if higher else ours / allowed
    return ("goal: " if bound.goal else "at least: ") + words, share, share <= 1


def number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def markdown(title: str, selected: list[Workload], results: dict, peers: list[str]) -> str:
    middle = medians(results)
    lines = [f"# {title}", "",
             "CPU nanoseconds of the broker per delivery unless the row says otherwise; in brackets what was delivered per "
             "second. Medians of the rounds.", "",
             "| | workload | " + " | ".join(peers) + " |", "|---|---" + "|---:" * len(peers) + "|"]
    for workload in selected:
        cells = []
        for peer in peers:
            figures = middle.get(workload.name, {}).get(peer)
            if not figures:
                cells.append("–")
                continue
            text = number(figures.value)
            if figures.delivered_per_s and workload.figure in ("ns", "kept"):
                text += f" ({number(figures.delivered_per_s)}/s)"
            if figures.wrong:
                text += f" **{figures.wrong} wrong**"
            cells.append(text)
        lines.append(f"| {workload.name} | {workload.title} | " + " | ".join(cells) + " |")
    lines += ["", "| | the bar | ours as a share of what it allows | |", "|---|---|---:|---|"]
    for workload in selected:
        for bound in workload.bounds:
            if told := verdict(workload, middle.get(workload.name, {}), bound):
                words, share, met = told
                lines.append(f"| {workload.name} | {words} | {share:.2f} | {'met' if met else 'missed'} |")
    fans = [middle[f"fan {count}"]["ours"].value for count in (10, 100, 1000, 5000)
            if "ours" in middle.get(f"fan {count}", {})]
    if len(fans) > 1:
        share = max(fans) / fans[0] / 1.25
        lines.append(f"| fan | at least: rises by no more than 25 % | {share:.2f} | {'met' if share <= 1 else 'missed'} |")
    thousand = middle.get("channels 1,000", {}).get("ours")
    single = middle.get("channels 1", {}).get("ours")
    if thousand and single:
        share = thousand.value / single.value / 1.5
        lines.append(f"| channels | goal: 1,000 within 1.5 × of one | {share:.2f} | {'met' if share <= 1 else 'missed'} |")
    return "\n".join(lines) + "\n"


def as_json(machine: dict, results: dict) -> str:
    return json.dumps({"machine": machine, "results": {
        name: {peer: [vars(figures) for figures in rounds] for peer, rounds in peers.items()}
        for name, peers in results.items()}}, indent=1) + "\n"


COLOURS = {"ours": "#1b6ca8", "relay": "#8a8a8a", "pump": "#b9b9b9", "nats": "#2a9d8f", "redis": "#c0392b",
           "mosquitto": "#8e5ea2", "python": "#e0a100", "rust": "#6b4423"}


def plot(selected: list[Workload], results: dict, peers: list[str]) -> str:
    """Bars on a logarithmic scale: CPU per delivery, one group for each workload."""
    middle = medians(results)
    groups = [workload for workload in selected if workload.figure == "ns" and middle.get(workload.name)]
    values = [figures.value for group in groups for figures in middle[group.name].values() if figures.value > 0]
    if not values:
        return "<svg xmlns='http://www.w3.org/2000/svg'/>\n"
    import math
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


def spread(rounds: list[Figures]) -> float:
    values = [figures.value for figures in rounds]
    return (max(values) - min(values)) / statistics.median(values) if len(values) > 1 else 0.0
