#!/usr/bin/env bash
# `envtool serve` and nginx serving the same bytes, on the same machine, one after the other: requests a second, the 99th
# percentile, and memory. Needs wrk, nginx, curl and the registries; works in a folder of its own and removes it.
#   docs/mirror-under-load.sh target/release/envtool [SECONDS]
set -euo pipefail
envtool=$(realpath "${1:?the envtool to use}")
seconds=${2:-10}
work=$(mktemp -d)
trap 'kill "${mirror:-}" 2>/dev/null || true; [[ ! -f $work/nginx/pid ]] || kill "$(cat "$work/nginx/pid")"; rm -rf "$work"' EXIT

ENVTOOL_CACHE_DIR=$work/store "$envtool" serve --bind 127.0.0.1:0 2>"$work/log" &
mirror=$!
until grep -qs '^Serving ' "$work/log"; do
    kill -0 "$mirror" || { cat "$work/log" >&2; exit 1; }
    sleep 0.05
done
url=$(sed -n 's/^Serving \(http:[^ ]*\).*/\1/p' "$work/log")

# nginx is given what the mirror gave: under the same paths, with a log of its requests too.
declare -A paths=(
    [index answer]=/crates/index/it/oa/itoa
    [archive]=/crates/archives/itoa/1.0.15/download
    [larger archive]=/crates/archives/serde/1.0.219/download
    [large archive]=/crates/archives/windows/0.61.1/download
)
mkdir -p "$work/nginx/www"
for path in "${paths[@]}"; do
    mkdir -p "$work/nginx/www$(dirname "$path")"
    curl -fsS -o "$work/nginx/www$path" "$url$path"
done
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$work/nginx/nginx.conf" <<END
worker_processes auto;
pid $work/nginx/pid;
error_log $work/nginx/error.log;
events {}
http {
    access_log $work/nginx/access.log;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    server { listen 127.0.0.1:$port; root $work/nginx/www; }
}
END
chmod 755 "$work"
nginx -c "$work/nginx/nginx.conf" -e "$work/nginx/error.log"

# Requests a second, the 99th percentile, and how many requests that was.
load() {
    wrk -t1 -c50 -d"${seconds}s" --latency "$1" | awk '
        $1 == "99%" { percentile = $2 }
        $2 == "requests" { count = $1 }
        /Non-2xx|Socket errors/ { bad = $0 }
        $1 == "Requests/sec:" { rate = $2 }
        END { if (bad) { print bad > "/dev/stderr"; exit 1 } printf "%d %s %d\n", rate, percentile, count }'
}
# The most memory that processes have used, in MB.
memory() {
    for process in "$@"; do grep VmHWM "/proc/$process/status"; done | awk '{ sum += $2 } END { printf "%d", sum / 1000 }'
}

echo "| what | bytes | envtool | 99 % within | nginx | 99 % within | ratio |"
echo "| --- | --- | --- | --- | --- | --- | --- |"
for what in "index answer" archive "larger archive" "large archive"; do
    path=${paths[$what]}
    read -r nginx_rate nginx_late _ < <(load "http://127.0.0.1:$port$path")
    read -r rate late _ < <(load "$url$path")
    printf '| %s | %s | %s/s | %s | %s/s | %s | %s |\n' "$what" "$(stat -c %s "$work/nginx/www$path")" "$rate" "$late" \
        "$nginx_rate" "$nginx_late" "$(awk -v a="$rate" -v b="$nginx_rate" 'BEGIN { printf "%.2f", a / b }')"
done
master=$(cat "$work/nginx/pid")
# shellcheck disable=SC2046
echo "memory at most: envtool $(memory "$mirror") MB, nginx $(memory "$master" $(pgrep -P "$master")) MB"
