#!/usr/bin/env python3
"""carrylane beside NumPy, PyTorch and JAX, on one core, in turns. Run by scripts/bench-peers.sh, which makes the environment.

For each net, all programs take turns: a part of a second each, round after round, so that all see the same phases of a shared machine.
A figure is the median over the rounds; a ratio is the median of the rounds' own ratios. Each peer lives in a process of its own, all on
the one core, and waits while another is timed. carrylane is timed twice: `bench`, its bare training step (no optimizer, additions made
beforehand), and `train`, the whole loop with SGD, which makes its additions while it is timed; the peers are given theirs. Of a population
`bench` times the whole loop.
"""

import argparse
import importlib.metadata
import json
import multiprocessing
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from peers import LR, PACKAGES, PEERS, Case, Peer, off, runs

DESCRIPTION = "Times carrylane and its peers in turns on one core; writes benches/record/DATE-MACHINE-COMMIT/peers.md and peers.jsonl."
EPILOG = "CORE=1 is the core. Lists are words with commas between them."
HIDDEN = {"elman": [16, 32, 64, 256, 1024], "lstm": [16, 64, 256]}
WARM_UP = 0.03  # seconds, and at least a call
PARTS = 9
Record = dict[str, Any]


# The peers' processes --------------------------------------------------------------------------------------------------------------------


def serve(connection: Connection, name: str) -> None:
    """Answers the driver's requests: a `Case` makes it ready, and the answer is what is wrong, if anything is; a case and seconds time it;
    none forgets all cases."""
    os.setsid()  # with the compilers it may start, a group that can be ended as one
    ready: dict[Case, Peer] = {}
    while True:
        request = connection.recv()
        try:
            if request is None:
                ready.clear()
                connection.send(None)
            elif isinstance(request, Case):
                peer = PEERS[name](request)
                peer.train()
                if (wrong := off(peer)) is None:
                    ready[request] = peer
                connection.send(wrong)
            else:
                case, seconds = request
                connection.send(rate(ready[case], seconds))
        except Exception as error:  # the run goes on without this peer, and the record says why
            connection.send(f"{type(error).__name__}: {str(error)[:300]}")


def rate(peer: Peer, seconds: float) -> Record:
    """Samples a second, the median of nine parts, of fewer if a call takes longer than a part; and how much of the core it was given."""
    start = time.perf_counter()
    while True:
        peer.train()
        if time.perf_counter() - start >= WARM_UP:
            break
    rates, start, cpu = [], time.perf_counter(), time.process_time()
    while not rates or time.perf_counter() - start < seconds:
        calls, part = 0, time.perf_counter()
        while not calls or time.perf_counter() - part < seconds / PARTS:
            peer.train()
            calls += 1
        rates.append(calls * peer.steps * peer.case.batch * peer.case.nets / (time.perf_counter() - part))
    given = (time.process_time() - cpu) / (time.perf_counter() - start)
    return {"samples_per_s": statistics.median(rates), "core_share": round(given, 3)}


class Worker:
    """A peer's process; started anew after it took too long."""

    def __init__(self, name: str) -> None:
        self.name, self.process = name, None

    def ask(self, request: Any, timeout: float) -> Any:
        if self.process is None:
            context = multiprocessing.get_context("spawn")
            self.connection, theirs = context.Pipe()
            self.process = context.Process(target=serve, args=(theirs, self.name))
            self.process.start()
            theirs.close()
        self.connection.send(request)
        try:
            if self.connection.poll(timeout):
                return self.connection.recv()
            wrong = f"no answer in {timeout:.0f} s"
        except EOFError:
            wrong = "its process ended"
        self.stop()
        return wrong

    def stop(self) -> None:
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:  # not yet a group of its own
                self.process.kill()
            self.process.join()
            self.process = None


# carrylane -------------------------------------------------------------------------------------------------------------------------------


def carrylane(program: str, *arguments: object) -> Record | None:
    """The first JSON line of `bench`, the last of `train`; none if it says no."""
    # A population has one thread anyway, and the flag is refused beside it.
    threads = [] if "--population" in arguments else ["--threads", "1"]
    command = [program, *map(str, arguments), *threads, "--json"]
    lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout.splitlines()
    records = [json.loads(line) for line in lines]
    found = [record for record in records if "samples_per_s" in record]
    return found[-1] if found else None


def carrylane_rates(program: str, case: Case, seconds: float, largest: bool) -> Iterator[Record]:
    net = ("--cell", case.cell, "--hidden", case.hidden, "--bits", case.bits, "--batch", case.batch)
    if bench := carrylane(program, "bench", *net, "--seconds", seconds, *(("--population", case.nets) if case.nets > 1 else ())):
        yield {"who": "carrylane bench", **{key: bench[key] for key in ("samples_per_s", "peak_gflops", "peak_share", "level", "engine")}}
    if largest and case.nets == 1 and (train := carrylane(program, "train", *net, "--optimizer", "sgd", "--lr", LR, "--time", seconds)):
        yield {"who": "carrylane train", "samples_per_s": train["samples_per_s"]}


# The run ---------------------------------------------------------------------------------------------------------------------------------


class Run:
    """All measurements, on record as they are made."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments, self.rows = arguments, []
        self.workers = {name: Worker(name) for name in PEERS if name in arguments.peers}
        self.out = Path(arguments.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.file = (self.out / "peers.jsonl").open("w", encoding="utf-8")

    def keep(self, row: Record) -> None:
        print(json.dumps(row), file=self.file, flush=True)
        self.rows.append(row)

    def net(self, cases: list[Case]) -> None:
        """One net, at each of its batch sizes: ready the peers, then take turns."""
        prepared = [(case, name) for name in self.workers for case in cases if runs(name, case) and self.ready(case, name)]
        for number in range(self.arguments.rounds):
            for case in cases:
                largest = case == max(cases, key=lambda case: case.batch)
                for row in carrylane_rates(self.arguments.program, case, self.arguments.seconds, largest):
                    self.keep({"type": "rate", "round": number, **asdict(case), **row})
                for name in (name for at, name in prepared if at == case):
                    found = self.workers[name].ask((case, self.arguments.seconds), self.arguments.timeout)
                    row = found if isinstance(found, dict) else {"error": found}
                    self.keep({"type": "rate", "round": number, **asdict(case), "who": name, **row})
        for worker in self.workers.values():
            if worker.process:
                worker.ask(None, self.arguments.timeout)

    def ready(self, case: Case, name: str) -> bool:
        start = time.perf_counter()
        wrong = self.workers[name].ask(case, self.arguments.timeout)
        seconds = round(time.perf_counter() - start, 2)
        self.keep({"type": "ready", **asdict(case), "who": name, "seconds": seconds, "error": wrong})
        if wrong:
            print(f"{name}, {case}: {wrong}; not timed", file=sys.stderr)
        return wrong is None


# The tables ------------------------------------------------------------------------------------------------------------------------------


class Rates:
    """Samples a second, by net, batch, program and round."""

    def __init__(self, rows: list[Record]) -> None:
        self.by: dict[tuple[Case, str], dict[int, float]] = {}
        self.peak: dict[Case, list[float]] = {}
        # Of the multiply-adds that carrylane made, which are fewer than a dense pass makes.
        self.own_share: dict[Case, list[float]] = {}
        for row in rows:
            if row["type"] == "rate" and "samples_per_s" in row:
                case = Case(row["cell"], row["hidden"], row["bits"], row["batch"], row["nets"])
                self.by.setdefault((case, row["who"]), {})[row["round"]] = row["samples_per_s"]
                if "peak_gflops" in row:
                    self.peak.setdefault(case, []).append(row["peak_gflops"])
                    self.own_share.setdefault(case, []).append(row["peak_share"])

    def median(self, case: Case, who: str) -> float:
        return statistics.median(self.by[case, who].values())

    def share(self, case: Case, who: str) -> str:
        """Of the peak of the same run, for the multiply-adds that were made: the peers' passes are dense."""
        if who == "carrylane bench":
            return f"{100 * statistics.median(self.own_share[case]):.0f} %"
        return f"{self.median(case, who) * case.flops / 1e7 / statistics.median(self.peak[case]):.0f} %"

    def ratio(self, case: Case, who: str, peer: tuple[Case, str]) -> str:
        mine, theirs = self.by.get((case, who), {}), self.by[peer]
        ratios = [mine[number] / theirs[number] for number in mine if number in theirs]
        return f"{statistics.median(ratios):.1f}" if ratios else "–"

    def best(self, cases: list[Case]) -> tuple[Case, str] | None:
        peers = [(case, who) for case, who in self.by if case in cases and who in PEERS]
        return max(peers, key=lambda peer: self.median(*peer), default=None)


def named(case: Case) -> str:
    return case.cell if case.nets == 1 else f"{case.cell}, {case.nets:,} nets"


def thousands(value: float) -> str:
    """Three digits: 1,060 k, 24.9 k, 0.68 k."""
    value /= 1000
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f} k"


def tables(rates: Rates, nets: list[list[Case]]) -> Iterator[str]:
    yield "| cell | hidden | batch | carrylane, step | share of peak | whole loop | best peer | its share | × best peer | whole loop × | × best at the same batch |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for cases in nets:
        top, best = max(cases, key=lambda case: case.batch), rates.best(cases)
        if best is None or (top, "carrylane bench") not in rates.by:
            continue
        loop = thousands(rates.median(top, "carrylane train")) if (top, "carrylane train") in rates.by else "–"
        same = rates.best([top])
        yield (
            f"| {named(top)} | {top.hidden:,} | {top.batch:,} | {thousands(rates.median(top, 'carrylane bench'))} "
            f"| {rates.share(top, 'carrylane bench')} | {loop} | {thousands(rates.median(*best))}, {best[1]}, batch {best[0].batch:,} "
            f"| {rates.share(best[0], best[1])} | **{rates.ratio(top, 'carrylane bench', best)}** | {rates.ratio(top, 'carrylane train', best)} "
            f"| {rates.ratio(top, 'carrylane bench', same) if same else '–'} |"
        )
    yield ""
    names = [name for name in ["carrylane bench", *PEERS] if any(who == name for _, who in rates.by)]
    yield f"| cell | hidden | batch | {' | '.join(names)} |"
    yield "|---|---|---|" + "---|" * len(names)
    for case in (case for cases in nets for case in cases):
        cells = [f"{thousands(rates.median(case, who))}, {rates.share(case, who)}" if (case, who) in rates.by else "–" for who in names]
        yield f"| {named(case)} | {case.hidden:,} | {case.batch:,} | {' | '.join(cells)} |"


def report(run: Run, header: Record, nets: list[list[Case]]) -> Iterator[str]:
    yield "# carrylane and its peers"
    yield ""
    yield "One core, one thread, f32, side by side in turns; samples/s, medians over the rounds, and each one's share of the FMA peak of the"
    yield "same run, counting the recurrent products that were made: the peers' 6 G H² (T−1) flop a sample with G gates, carrylane's 6 G H² for each"
    yield "state that samples do not share. The peers' figures are whole training steps on additions made beforehand; carrylane's step is `bench`,"
    yield "bare, and its whole loop is `train` with SGD, additions and all; of a population `bench` is the whole loop of all nets."
    yield ""
    for key in ("machine", "level", "threads", "versions", "commit", "bits", "rounds", "core", "command"):
        yield f"- {key}: {header[key]}"
    yield ""
    yield from tables(Rates(run.rows), nets)


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",") if word]


def words(text: str) -> list[str]:
    return text.split(",")


def nets_of(arguments: argparse.Namespace) -> list[list[Case]]:
    """Each net at all its batch sizes; online ones last."""
    nets = []
    for cell in arguments.cells:
        for hidden in arguments.hidden or HIDDEN[cell]:
            nets += [[Case(cell, hidden, bits, batch) for batch in arguments.batch] for bits in arguments.bits]
    nets += [[Case("elman", hidden, bits, 1)] for hidden in arguments.online for bits in arguments.bits]
    populations = [(hidden, bits, batch) for hidden in arguments.population for bits in arguments.bits for batch in (1, 8)]
    return nets + [[Case("elman", *sizes, arguments.nets)] for sizes in populations]


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench-peers.sh", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("--quick", action="store_true", help="a small grid without torch-compile")
    parser.add_argument("--cells", type=words, default=list(HIDDEN), help="elman, lstm (both)")
    parser.add_argument("--hidden", type=numbers, help="hidden sizes (16,32,64,256,1024; of an LSTM 16,64,256)")
    parser.add_argument("--bits", type=numbers, default=[8], help="widths (8)")
    parser.add_argument("--batch", type=numbers, default=[64, 256, 1024], help="minibatches; carrylane's is the largest (64,256,1024)")
    parser.add_argument("--online", type=numbers, default=[16], help="hidden sizes at batch 1 (16); '' for none")
    parser.add_argument("--population", type=numbers, default=[16], help="hidden sizes of populations, at batch 1 and 8 (16); '' for none")
    parser.add_argument("--nets", type=int, default=64, help="nets of a population (64)")
    parser.add_argument("--peers", type=words, default=list(PEERS), help=f"which ({','.join(PEERS)})")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each (3)")
    parser.add_argument("--seconds", type=float, default=0.25, help="a turn (0.25)")
    parser.add_argument("--timeout", type=float, default=90, help="seconds for a peer to get ready, its compiler included (90)")
    for name in ("out", "program", "machine", "commit", "command"):
        parser.add_argument(f"--{name}", required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.hidden, arguments.batch = arguments.hidden or [16, 64], [64, 1024]
        arguments.peers = [name for name in arguments.peers if name != "torch-compile"]
    for name, known in (("cells", HIDDEN), ("peers", PEERS)):
        if unknown := set(getattr(arguments, name)) - set(known):
            parser.error(f"--{name}: {', '.join(unknown)} is none of {', '.join(known)}")
    return arguments


def main() -> None:
    arguments = parsed()
    nets, start = nets_of(arguments), time.perf_counter()
    packages = sorted({PACKAGES[name] for name in arguments.peers})
    versions = [f"{package} {importlib.metadata.version(package)}" for package in packages]
    header = {"type": "run", "machine": arguments.machine, "threads": 1, "commit": arguments.commit, "command": arguments.command,
              "versions": ", ".join([*versions, f"Python {platform.python_version()}"]), "bits": ", ".join(map(str, arguments.bits)),
              "rounds": f"{arguments.rounds} of {arguments.seconds} s each"}  # fmt: skip
    run = Run(arguments)
    run.keep(header)
    try:
        for number, cases in enumerate(nets):
            print(f"{time.perf_counter() - start:4.0f} s: net {number + 1} of {len(nets)}, {cases[0].cell} {cases[0].hidden}", file=sys.stderr)
            run.net(cases)
    finally:
        for worker in run.workers.values():
            worker.stop()
    header["level"] = next((row["level"] for row in run.rows if "level" in row), "–")
    shares = [row["core_share"] for row in run.rows if "core_share" in row]
    header["core"] = f"given to the program timed for {100 * statistics.median(shares or [0]):.0f} % of the time, median of the peers' turns"
    run.keep({"type": "end", "seconds": round(time.perf_counter() - start)})
    text = "\n".join(report(run, header, nets)) + "\n"
    (run.out / "peers.md").write_text(text, encoding="utf-8")
    print(text)
    print(f"{time.perf_counter() - start:.0f} s; kept in {arguments.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
