#!/usr/bin/env bash
# carrylane beside NumPy, PyTorch and JAX: all take turns on one core, and a table of ratios is written to
# benches/record/DATE-MACHINE-COMMIT/ as peers.md, the raw figures beside it as peers.jsonl. The first run makes a Python environment
# under target/, some gigabytes of packages; they are not carrylane's and nothing else needs them.
#
#   scripts/bench-peers.sh [--quick] [--cells …] [--hidden …] [--batch …]     --help names them all
#   CORE=0 PYTHON=python3.13 scripts/bench-peers.sh                           another core than 1; the environment's interpreter
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

command="CORE=${CORE:=1} scripts/bench-peers.sh$( (($# == 0)) || printf ' %q' "$@")"
# shellcheck source=scripts/common.sh
. scripts/common.sh

environment=$target/peers
if [[ ! -e $environment/complete ]]; then
    echo 'installing numpy, torch and jax' >&2
    "${PYTHON:-python3}" -m venv "$environment"
    "$environment/bin/pip" install --quiet numpy torch jax
    touch "$environment/complete"
fi

# Compiled code is kept between runs; compilers stay on the core too.
export TORCHINDUCTOR_CACHE_DIR=$environment/inductor TORCHINDUCTOR_COMPILE_THREADS=1 PYTHONDONTWRITEBYTECODE=1
exec taskset -c "$CORE" "$environment/bin/python" scripts/bench_peers.py --program "$carrylane" --out "$(record_folder)" \
    --machine "$(machine)" --commit "$(commit)" --command "$command" "$@"
