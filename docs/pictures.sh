#!/usr/bin/env bash
# Makes the README's pictures anew: docs/terminal.svg from a recording of the envtool that is built here (it needs the
# registries, bash, python3 with pip, and a minute), docs/speed.svg from the README's own tables.
#   docs/pictures.sh [ENVTOOL]     to record that one, and build none
set -euo pipefail
cd "$(dirname "$0")/.."
envtool=${1:-${CARGO_TARGET_DIR:-target}/release/envtool}
[ $# -gt 0 ] || cargo build --release --locked
cargo run --quiet --locked --example picture -- "$envtool" docs/terminal.svg
cargo run --quiet --locked --example chart
