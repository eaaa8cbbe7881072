#!/usr/bin/env bash
# carrylane against PyTorch and ONNX Runtime: every net is exported, run by them, and its gradients are held against PyTorch's autograd. The
# first run makes a Python environment under target/, some gigabytes of packages; they are not carrylane's and nothing else needs them.
#
#   scripts/interop.sh                                       a table; exit 1 if anything is off
#   PYTHON=python3.13 scripts/interop.sh                     the environment's interpreter
#   CARRYLANE=target/debug/carrylane scripts/interop.sh      a program that is built already
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

# shellcheck source=scripts/common.sh
. scripts/common.sh

environment=$target/interop
if [[ ! -e $environment/complete ]]; then
    echo 'installing numpy, torch, safetensors, onnx and onnxruntime' >&2
    "${PYTHON:-python3}" -m venv "$environment"
    "$environment/bin/pip" install --quiet numpy torch safetensors onnx onnxruntime
    touch "$environment/complete"
fi

PYTHONDONTWRITEBYTECODE=1 exec "$environment/bin/python" scripts/interop.py --program "$carrylane" "$@"
