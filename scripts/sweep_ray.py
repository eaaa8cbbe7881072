#!/usr/bin/env python3
"""Runs a carrylane sweep on Ray: one task a shard, since Ray is slow for small tasks.

    pip install ray
    scripts/sweep_ray.py DIR --shards 64 [--cpus 4] [--address auto]

DIR is a locked sweep on a disk that all machines see. A shard that is interrupted (exit code 75) or killed is started again, on
any machine, and does what is still missing. Exits with 0 if every trial has run, 1 if one could not be run.
"""

import argparse
import os
import shutil
import subprocess
import sys

import ray

INTERRUPTED = 75


class Interrupted(Exception):
    """The shard ended before its work did; Ray starts it again."""


def run_shard(program: str, folder: str, index: int, shards: int, cpus: int) -> tuple[int, int, str]:
    """Runs a shard and returns its index, exit code and what it said."""
    command = [program, "sweep", "run", folder, "--shard", f"{index}/{shards}", "--threads", str(cpus)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    # Below 0: killed by a signal; above 128: the same, as a shell in between tells it.
    if ended.returncode == INTERRUPTED or ended.returncode < 0 or ended.returncode > 128:
        raise Interrupted(f"shard {index} ended with {ended.returncode}: {ended.stdout.strip()}")
    return index, ended.returncode, ended.stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="DIR", help="folder of the locked sweep")
    parser.add_argument("--shards", type=int, required=True, help="tasks; 5 to 60 minutes of work are a good size")
    parser.add_argument("--cpus", type=int, default=1, help="cores of a task (default: 1)")
    parser.add_argument("--retries", type=int, default=10, help="times that a shard is started again (default: 10)")
    parser.add_argument("--address", help="Ray cluster to join (default: this machine alone)")
    parser.add_argument("--num-cpus", type=int, help="cores of this machine to use, without --address")
    parser.add_argument("--carrylane", default="carrylane", help="the program (default: carrylane of the PATH)")
    args = parser.parse_args()
    program = shutil.which(args.carrylane)
    if program is None or args.shards < 1 or args.cpus < 1:
        parser.error("no such program" if program is None else "--shards and --cpus are at least 1")
    if args.address:
        ray.init(address=args.address)
    else:
        ray.init(num_cpus=args.num_cpus, include_dashboard=False)
    task = ray.remote(num_cpus=args.cpus, max_retries=args.retries, retry_exceptions=[Interrupted])(run_shard)
    folder, program = os.path.abspath(args.folder), os.path.abspath(program)
    waiting = [task.remote(program, folder, index, args.shards, args.cpus) for index in range(args.shards)]
    worst = 0
    while waiting:
        done, waiting = ray.wait(waiting)
        try:
            index, code, said = ray.get(done[0])
        except Interrupted as error:
            code = INTERRUPTED
            print(f"given up: {error}", file=sys.stderr)
        else:
            print(f"shard {index}: exit code {code}: {said.splitlines()[0] if said else ''}", flush=True)
        worst = max(worst, code)
    return worst


if __name__ == "__main__":
    sys.exit(main())
