# Debian packages for the scripts that need programs nobody has to have; to be sourced.
# shellcheck shell=bash

# Installs packages if one of some programs is missing: debian 'PROGRAM…' PACKAGE…
debian() {
    local program missing=
    for program in $1; do command -v "$program" >/dev/null || missing=$program; done
    [[ $missing ]] || return 0
    shift
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y)
    "${install[@]}" "$@" >/dev/null || { apt-get -qq update && "${install[@]}" "$@" >/dev/null; } || {
        echo "error: there is no $missing here, and apt-get cannot install $*" >&2
        exit 1
    }
}
