#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""report_test.py TREE: what bench/load/report.py says of figures that are made up."""
import json
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(sys.argv.pop()) / "bench/load"))
import report  # noqa: E402
import workloads  # noqa: E402
from workloads import Figures  # noqa: E402

EVERY = [workload for group in workloads.GROUPS.values() for workload in group]


def lines_of(results: dict, cipher: float | None = None, failures: dict | None = None) -> list[str]:
    peers = list(dict.fromkeys(peer for row in results.values() for peer in row))
    return report.markdown("", EVERY, results, peers, failures or {}, cipher).splitlines()


class Report(unittest.TestCase):
    def bar(self, start: str, results: dict, **more) -> str:
        found = [line for line in lines_of(results, **more) if line.startswith(f"| {start}")]
        self.assertEqual(len(found), 1, found)
        return found[0].removeprefix(f"| {start}").strip(" |")

    def test_divides_by_the_peers_figure(self):
        figures = {"A": {"ours": [Figures(50)], "nats": [Figures(400)], "redis": [Figures(200)]}}
        self.assertEqual(self.bar("A | at least: nats ÷ 4", figures), "0.50 | met")
        self.assertEqual(self.bar("A | at least: redis ÷ 5", figures), "1.25 | **missed**")

    def test_says_what_was_not_measured(self):
        figures = {"C": {"ours": [Figures(100)]}}
        self.assertEqual(self.bar("C | at least: tentacool ÷ 10", figures), "– | not measured: tentacool did not run")
        self.assertEqual(self.bar("A | at least: nats ÷ 4", figures), "– | not measured: ours did not run")

    def test_every_bound_has_its_line(self):
        bounds = sum(len(workload.bounds) for workload in EVERY)
        told = [line for line in lines_of({}) if "| at least: " in line or "| goal: " in line]
        self.assertEqual(len(told), bounds + 1)  # and the one about faults

    def test_the_best_peer_is_a_broker_without_faults(self):
        figures = {"E": {"ours": [Figures(90)], "relay": [Figures(10)], "nats": [Figures(50, wrong=3)],
                         "redis": [Figures(150)]}}
        self.assertEqual(self.bar("E | at least: best peer × 0.8", figures), "0.75 | met")

    def test_both_percentiles_of_the_latency_are_judged(self):
        figures = {"L": {"ours": [Figures(100, p99_us=400)], "redis": [Figures(200, p99_us=200)]}}
        self.assertEqual(self.bar("L | at least: p50", figures).split(" | ", 1)[1], "0.50 | met")
        self.assertEqual(self.bar("L | at least: p99", figures).split(" | ", 1)[1], "2.00 | **missed**")

    def test_more_subscribers_are_compared_with_ten(self):
        figures = {"fan 10": {"ours": [Figures(100)]}, "fan 5000": {"ours": [Figures(150)]}}
        self.assertEqual(self.bar("fan 5000 | at least: rises", figures).split(" | ", 1)[1], "1.20 | **missed**")
        self.assertIn("not measured", self.bar("fan 100 | at least: rises", figures))

    def test_the_cipher_is_added_to_the_plain_figure(self):
        # 1,041 bytes encrypted and a fiftieth of that decrypted, at 0.2 ns: 212.4 ns; and 100; times 1.2
        figures = {"C plain": {"ours": [Figures(100)]}, "C TLS": {"ours": [Figures(300)]}}
        start = "C TLS | goal: (C plain + AES-GCM on the same bytes) × 1.2"
        self.assertEqual(self.bar(start, figures, cipher=0.2), "0.80 | met")
        self.assertIn("not measured", self.bar(start, figures))

    def test_a_share_that_was_kept_is_better_when_it_is_more(self):
        run = Figures(97, extra={"grew_mib": 40, "healthy_p99_us": 5})
        figures = {"stalled": {"ours": [run]}, "p99 alone": {"ours": [Figures(100)]}, "p99 beside": {"ours": [Figures(100)]}}
        self.assertEqual(self.bar("stalled | at least: ≥ 98", figures), "1.01 | **missed**")
        self.assertEqual(self.bar("stalled | at least: memory", figures).split(" | ", 1)[1], "1.14 | **missed**")
        self.assertEqual(self.bar("p99 beside | goal: nobody", figures).split(" | ", 1)[1], "0.91 | met")

    def test_one_lost_message_in_any_round_is_too_many(self):
        rounds = [Figures(1), Figures(2, wrong=1), Figures(3)]
        self.assertTrue(self.bar("all |", {"A": {"ours": rounds}}).endswith("**missed**"))
        self.assertTrue(self.bar("all |", {"A": {"ours": rounds[:1]}}).endswith("0.00 | met"))

    def test_figures_are_the_middle_of_the_rounds_each_by_itself(self):
        middle = report.middle_of([Figures(3, p99_us=10), Figures(1, p99_us=30), Figures(2, p99_us=20)])
        self.assertEqual((middle.value, middle.p99_us), (2, 20))

    def test_a_failure_is_told_with_its_reason(self):
        told = lines_of({"A": {"ours": [Figures(1)], "redis": []}}, failures={("A", "redis"): "the broker cut it"})
        self.assertIn("- A, redis: the broker cut it", told)
        self.assertTrue(any(line.startswith("| A |") and line.endswith("| failed |") for line in told))
        self.assertEqual(json.loads(report.as_json({}, {}, {("A", "redis"): "why"}))["failures"], [["A", "redis", "why"]])


if __name__ == "__main__":
    unittest.main()
