#!/usr/bin/env python3
"""Verdicts on the turns of two revisions, JSON lines on standard input from scripts/bench-compare.sh. Standard library only.

A pair is a turn of each right after the other, so that both see the same phase of the machine; which goes first alternates, so that a
drift speaks for either as often. A case's ratio is the median over its pairs of head/base. Its interval is that of the sign test: the
k-th smallest to the k-th largest ratio, for the largest k that holds the true median often enough, whatever the noise is like. Often
enough is 99 % for all cases of a run together, 1 − 1 %/cases for each: the run as a whole is what says yes or no.

A case is `slower` (`faster`) if the interval leaves out 1 and the median has gone more than half the threshold: a change of 5 % reads
as 4 or 6 as often as not, so the line is drawn half way between it and none. All else is the `same`; a case whose interval is wider than
the threshold on either side says so, since there a change of 5 % may hide. Exit code 1 if any case is slower.
"""

import argparse
import json
import math
import random
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

ALARM = 0.01  # chance that a run of equals has any interval without 1


@dataclass(frozen=True)
class Verdict:
    ratio: float
    low: float
    high: float
    word: str


def rank(pairs: int, alarm: float = ALARM) -> int:
    """The largest k for which the k-th smallest and the k-th largest of so many values miss their median no oftener than `alarm`; 0 if even
    the extremes do."""
    outside, k = 2 * 0.5**pairs, 0
    while outside <= alarm:
        k += 1
        outside += 2 * math.comb(pairs, k) * 0.5**pairs
    return k


def judge(ratios: list[float], threshold: float, cases: int = 1) -> Verdict:
    """One of so many cases; `threshold` is a fraction, 0.05 for 5 %."""
    ratios, k = sorted(ratios), rank(len(ratios), ALARM / cases)
    median = statistics.median(ratios)
    low, high = (ratios[k - 1], ratios[-k]) if k else (0.0, math.inf)
    line = 1 - threshold / 2
    if high < 1 and median < line:
        word = "slower"
    elif low > 1 and median > 1 / line:
        word = "faster"
    elif low < 1 - threshold or high > 1 / (1 - threshold):
        word = "same, noisy"
    else:
        word = "same"
    return Verdict(median, low, high, word)


def pairs_of(lines: Iterable[str]) -> dict[str, list[tuple[float, float]]]:
    """Base and head of each pair that has both, by case."""
    turns: dict[str, dict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for line in lines:
        row = json.loads(line)
        case = f"{row['cell']} h{row['hidden']} t{row['bits']} b{row['batch']} {row['precision']}"
        if "samples_per_s" in row:
            turns[case][row["pair"]][row["side"]] = row["samples_per_s"]
    return {case: [(p["base"], p["head"]) for p in pairs.values() if len(p) == 2] for case, pairs in turns.items()}


def table(cases: dict[str, list[tuple[float, float]]], threshold: float) -> bool:
    """Prints it; whether no case is slower."""
    fine = bool(cases)
    print("| case | pairs | base, samples/s | head, samples/s | head / base | interval, 99 % for all | verdict |")
    print("|---|---|---|---|---|---|---|")
    for case, pairs in cases.items():
        base, head = (f"{statistics.median(side):,.0f}" for side in zip(*pairs))
        verdict = judge([head / base for base, head in pairs], threshold, len(cases))
        interval = f"{verdict.low:.3f} – {verdict.high:.3f}"
        print(f"| {case} | {len(pairs)} | {base} | {head} | {verdict.ratio:.3f} | {interval} | {verdict.word} |")
        fine &= verdict.word != "slower"
    return fine


def self_test() -> None:
    # Exact: 1 − 2 (1 + 8)/2^8 is 93 %, 1 − 2/2^8 is 99.2 %; seven values cannot give 99 %.
    assert [rank(n) for n in (7, 8, 16, 24)] == [0, 1, 3, 6], [rank(n) for n in (7, 8, 16, 24)]
    assert judge([0.9] * 20, 0.05).word == "slower" and judge([1.1] * 20, 0.05).word == "faster"
    assert judge([0.98] * 20, 0.05).word == "same", "2 % is nearer to nothing than to 5 %"
    assert judge([0.5] * 7, 0.05).word == "same, noisy", "too few pairs for a verdict"
    lines = [json.dumps({"cell": "elman", "hidden": 16, "bits": 8, "batch": 64, "precision": "f32", "pair": 0, "side": side, "samples_per_s": rate})
             for side, rate in (("base", 2.0), ("head", 1.0))]  # fmt: skip
    assert pairs_of(lines) == {"elman h16 t8 b64 f32": [(2.0, 1.0)]}

    # A machine as bad as those at hand: 2 % of scatter, one turn in eight disturbed to half its speed.
    noise = random.Random(0)

    def turn() -> float:
        return noise.gauss(1, 0.02) * (0.5 if noise.random() < 1 / 8 else 1)

    def words(change: float, trials: int = 400) -> list[str]:
        return [judge([change * turn() / turn() for _ in range(40)], 0.05, cases=7).word for _ in range(trials)]

    alike, slower, faster = words(1.0), words(0.95), words(1 / 0.95)
    assert sum(word in ("slower", "faster") for word in alike) <= 4, "more than 1 % of false alarms"
    assert slower.count("slower") >= 300 and "faster" not in slower, f"a loss of 5 % seen {slower.count('slower')} times of 400"
    assert faster.count("faster") >= 300 and "slower" not in faster, f"a gain of 5 % seen {faster.count('faster')} times of 400"
    print(f"ok: false alarms {sum(word in ('slower', 'faster') for word in alike)} of 400, 5 % seen {slower.count('slower')} of 400 times")


def main() -> int:
    parser = argparse.ArgumentParser(description="Verdicts on the turns of two revisions.")
    parser.add_argument("--threshold", type=float, default=5.0, help="the change in percent that matters")
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_test:
        self_test()
        return 0
    return 0 if table(pairs_of(sys.stdin), arguments.threshold / 100) else 1


if __name__ == "__main__":
    sys.exit(main())
