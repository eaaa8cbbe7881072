#!/usr/bin/env bash
# The crate as it would be published: packed, unpacked elsewhere, and compiled there with all its tests and benches, so that no file is
# missing from it.
#
#   scripts/check-package.sh             compiles everything
#   scripts/check-package.sh --test      runs the tests as well
#   scripts/check-package.sh --install   installs the program instead, which tells this commit and adds
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

case "${1-}" in
'') work=(check --release --all-targets --locked --quiet) ;;
--test) work=(test --release --locked) ;;
--install) work=(install --path . --locked --quiet --no-track --root .) ;;
*)
    echo "usage: scripts/check-package.sh [--test|--install]" >&2
    exit 2
    ;;
esac

target=$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
cargo package --locked --no-verify --allow-dirty --quiet
commit=$(git rev-parse --short=7 HEAD)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
version=$(cargo pkgid --locked | sed 's/.*[#@]//')
tar -xzf "$target/package/carrylane-$version.crate" -C "$folder"
cd "$folder/carrylane-$version"
CARGO_TARGET_DIR=$target cargo "${work[@]}"
if [[ "${1-}" == --install ]]; then
    bin/carrylane --version | grep "$commit"
    bin/carrylane add 123 456
fi
echo "carrylane $version: $(find . -type f | wc -l) files, compiled from the package"
