#!/usr/bin/env bash
# Reads the event files of a run with TensorBoard itself, installed in an environment of its own, and holds each number against the run's
# curves.
#
#   scripts/interop-tensorboard.sh
#   CARRYLANE=PROGRAM scripts/interop-tensorboard.sh     another program than the release build of this checkout
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

# shellcheck source=scripts/common.sh
. scripts/common.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet tensorboard 'setuptools<81'
"$carrylane" train --hidden 8 --seed 1 --out "$work/run" --tensorboard >/dev/null
"$work/venv/bin/python" - "$work/run" <<'PYTHON'
import json
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run = sys.argv[1]
rows = [json.loads(line) for line in open(f"{run}/metrics.jsonl")]
rows = {row["update"]: row for row in rows if row["type"] == "update"}
events = EventAccumulator(run, size_guidance={"scalars": 0})
events.Reload()
names = {
    "train/loss": "loss", "train/bit_error": "bit_error", "train/gradient_norm": "gradient_norm",
    "train/largest_weight": "largest_weight", "train/learning_rate": "learning_rate", "train/noise": "noise",
    "train/samples_per_s": "samples_per_s", "probe/exact_rate": "exact_rate",
}
tags = set(events.Tags()["scalars"])
assert set(names) <= tags, tags
single = lambda x: struct.unpack("f", struct.pack("f", x))[0]
checked = 0
for tag in sorted(tags):
    scalars = events.Scalars(tag)
    assert [event.step for event in scalars] == sorted(rows), tag
    for event in scalars:
        row = rows[event.step]
        wanted = row[names[tag]] if tag in names else row["bit_error_by_position"][int(tag.rsplit("/", 1)[1])]
        assert event.value == single(wanted), (tag, event, wanted)
        checked += 1
print(f"TensorBoard reads {len(tags)} curves of {len(rows)} rows; {checked} numbers are those of metrics.jsonl")
PYTHON
