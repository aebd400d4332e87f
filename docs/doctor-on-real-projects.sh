#!/usr/bin/env bash
# What `envtool doctor --check global-tool` finds in the published sources of real projects, on a home with 34 installed
# tools. Needs cargo, python3 and the registry; works in a folder of its own and removes it.
#   docs/doctor-on-real-projects.sh target/release/envtool
set -euo pipefail
envtool=$(realpath "${1:?the envtool to use}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A home as people have it: cargo's records, and an executable for each. The executables are scripts made for this.
tools="just:just ripgrep:rg hexyl:hexyl bat:bat fd-find:fd cargo-nextest:cargo-nextest cargo-watch:cargo-watch
cargo-audit:cargo-audit cargo-deny:cargo-deny cargo-llvm-cov:cargo-llvm-cov cargo-hack:cargo-hack cargo-expand:cargo-expand
cargo-outdated:cargo-outdated cargo-release:cargo-release cargo-make:cargo-make cross:cross mdbook:mdbook sccache:sccache
wasm-pack:wasm-pack wasm-bindgen-cli:wasm-bindgen tokei:tokei hyperfine:hyperfine git-cliff:git-cliff taplo-cli:taplo
typos-cli:typos zoxide:zoxide starship:starship sd:sd dprint:dprint cargo-insta:cargo-insta cargo-fuzz:cargo-fuzz
bacon:bacon cargo-edit:cargo-upgrade shear:shear"
home=$work/home
# What cargo calls crates.io in its records stands in any lock that it made.
index=$(sed -n '/^source = "registry+/{s/^source = "registry+\(.*\)"/\1/p;q;}' "$(dirname "$0")/../Cargo.lock")
mkdir -p "$home/.cargo/bin"
for tool in $tools; do
    printf '#!/bin/sh\necho 1.0.0\n' >"$home/.cargo/bin/${tool#*:}"
    chmod +x "$home/.cargo/bin/${tool#*:}"
done
python3 - "$home/.cargo/.crates2.json" "$index" $tools <<'PY'
import json, sys
source = "registry+" + sys.argv[2]
installs = {}
for tool in sys.argv[3:]:
    package, name = tool.split(":")
    installs[f"{package} 1.0.0 ({source})"] = {
        "version_req": None, "bins": [name], "features": [], "all_features": False,
        "no_default_features": False, "profile": "release", "target": None, "rustc": None}
json.dump({"installs": installs}, open(sys.argv[1], "w"))
PY

for project in ripgrep-15.1.0 cargo-nextest-0.9.143 just-1.42.4 bat-0.25.0; do
    echo "== $project"
    # cargo downloads and unpacks what it is asked about.
    (cd "$work" && CARGO_HOME=$work/fetched cargo info --quiet "${project%-*}@${project##*-}" >/dev/null)
    cp -r "$work"/fetched/registry/src/*/"$project" "$work/$project"
    (
        cd "$work/$project"
        export RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup} HOME=$home CARGO_HOME=$home/.cargo
        "$envtool" -q init >/dev/null
        "$envtool" -q doctor --check global-tool || true
        echo "-- a plain search for the names, for whoever judges what was missed:"
        for tool in $tools; do
            grep -rnwI --exclude-dir=.envtool --exclude='Cargo.*' --exclude='*.rs' --exclude='*.md' -e "${tool#*:}" . |
                cut -c1-140 | head -3 || true
        done
    )
done
