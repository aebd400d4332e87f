#!/usr/bin/env bash
# A mirror and its clients: each in a folder of its own, with nothing kept from before.
# $1: envtool; $2: an empty folder; the rest: more arguments of `envtool serve`.
set -euo pipefail
envtool=$1 here=$2
shift 2

"$envtool" serve --bind 127.0.0.1:0 "$@" 2>"$here/mirror.log" &
mirror=$!
trap 'kill "$mirror" 2>/dev/null || true' EXIT
until grep -qs '^Serving ' "$here/mirror.log"; do
    kill -0 "$mirror" || { cat "$here/mirror.log" >&2; exit 1; }
    sleep 0.05
done
url=$(sed -n 's/^Serving \(http:[^ ]*\).*/\1/p' "$here/mirror.log")
# It is the only way to packages that a client has.
unset UV_DEFAULT_INDEX UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS
export PIP_CONFIG_FILE=/dev/null PIP_DISABLE_PIP_VERSION_CHECK=1

# One that failed says why.
client() {
    local name=$1
    shift
    if "$@" >"$here/$name.log" 2>&1; then
        echo "$name ok"
    else
        echo "$name failed:"
        cat "$here/$name.log"
        tail -n 20 "$here/mirror.log"
        exit 1
    fi
}

with_cargo() {
    local index=$1 home=$2
    mkdir -p "$home" "$home-project/src"
    cat >"$home/config.toml" <<END
[source.crates-io]
replace-with = "envtool-mirror"
[registries.envtool-mirror]
index = "sparse+$index"
END
    cat >"$home-project/Cargo.toml" <<END
[package]
name = "client"
version = "0.1.0"
edition = "2021"
[dependencies]
serde_json = "=1.0.140"
END
    echo 'fn main() { println!("{}", serde_json::json!([1])); }' >"$home-project/src/main.rs"
    (cd "$home-project" && CARGO_HOME=$home cargo fetch && CARGO_HOME=$home cargo run --offline)
}

with_pip() {
    python3 -m venv "$here/venv"
    "$here/venv/bin/pip" download --no-cache-dir --no-deps --index-url "$url/pypi/simple/" --dest "$here/wheels" idna==3.10
    "$here/venv/bin/pip" install --no-cache-dir --index-url "$url/pypi/simple/" requests==2.32.3 uv==0.13.9
    "$here/venv/bin/python" -c 'import requests'
}

with_uv() {
    mkdir "$here/uv-project"
    cat >"$here/uv-project/pyproject.toml" <<END
[project]
name = "client"
version = "0.1.0"
requires-python = ">=3.8"
dependencies = ["requests==2.32.3", "PyYAML==6.0.2"]
END
    (cd "$here/uv-project" && export UV_CACHE_DIR=$here/uv-cache UV_DEFAULT_INDEX=$url/pypi/simple/ &&
        "$here/venv/bin/uv" sync && "$here/venv/bin/uv" run --no-sync python -c 'import requests, yaml')
}

with_envtool() {
    mkdir -p "$here/envtool-project" "$here/envtool-cargo-home"
    (cd "$here/envtool-project" &&
        export ENVTOOL_MIRROR=$url ENVTOOL_CACHE_DIR=$here/envtool-store CARGO_HOME=$here/envtool-cargo-home \
            PATH=$here/venv/bin:$PATH &&
        "$envtool" add itoa@1.0.15 hexyl@0.16.0 pypi:requests@2.32.3 &&
        "$envtool" run -- hexyl --version && "$envtool" run -- python -c 'import requests')
}

# Whether what is at an address holds a text.
has() {
    local text=$1
    shift
    [[ $(curl -fsS "$@") == *"$text"* ]]
}

with_curl() {
    has '"vers":"1.0.140"' "$url/crates/index/se/rd/serde_json"
    curl -fsS -o "$here/serde_json.crate" "$url/crates/archives/serde_json/1.0.140/download"
    tar -xzOf "$here/serde_json.crate" serde_json-1.0.140/Cargo.toml >"$here/serde_json.toml"
    has '"name":"idna"' -H 'Accept: application/vnd.pypi.simple.v1+json' "$url/pypi/simple/idna/"
    has ok "$url/healthz"
    has '<h1>envtool mirror</h1>' "$url/"
}

# The page as a browser has it, under the mirror's own policy of what it may load.
with_chromium() {
    chromium --headless --no-sandbox --disable-gpu --user-data-dir="$here/chromium" --enable-logging=stderr \
        --dump-dom "$url/" >"$here/page.html" 2>"$here/chromium.log"
    [[ $(<"$here/page.html") == *"export ENVTOOL_MIRROR=$url"* ]]
    ! grep CONSOLE "$here/chromium.log"
}

# The same server under another name, behind a proxy that cuts a prefix off.
with_nginx() {
    mkdir "$here/nginx"
    cat >"$here/nginx/nginx.conf" <<END
pid $here/nginx/pid;
error_log $here/nginx/error.log;
events {}
http {
    access_log off;
    client_body_temp_path $here/nginx; proxy_temp_path $here/nginx; fastcgi_temp_path $here/nginx;
    uwsgi_temp_path $here/nginx; scgi_temp_path $here/nginx;
    server {
        listen 127.0.0.1:$1;
        location /mirror/ {
            proxy_pass $url/;
            proxy_set_header X-Forwarded-Proto \$scheme;
            proxy_set_header X-Forwarded-Host \$http_host;
            proxy_set_header X-Forwarded-Prefix /mirror;
        }
    }
}
END
    nginx -c "$here/nginx/nginx.conf" -e "$here/nginx/error.log"
    has "\"http://127.0.0.1:$1/mirror/crates/archives\"" "http://127.0.0.1:$1/mirror/crates/index/config.json"
    with_cargo "http://127.0.0.1:$1/mirror/crates/index/" "$here/proxied"
    "$here/venv/bin/pip" download --no-cache-dir --no-deps --index-url "http://127.0.0.1:$1/mirror/pypi/simple/" \
        --dest "$here/proxied-wheels" idna==3.10
    nginx -c "$here/nginx/nginx.conf" -e "$here/nginx/error.log" -s quit
}

# A port that nobody uses.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

client cargo with_cargo "$url/crates/index/" "$here/cargo-home"
client pip with_pip
client uv with_uv
client envtool with_envtool
client curl with_curl
client chromium with_chromium
client nginx with_nginx "$(free_port)"
curl -fsS "$url/metrics" >"$here/metrics"
kill "$mirror"
wait "$mirror"
echo "mirror ok"
