#!/usr/bin/env bash
# Builds the web pages into web/ui/dist when their sources are newer, and fetches what they are built with when
# package-lock.json is. With everything up to date it takes a few milliseconds.
#
#   scripts/web.sh build    the pages
#   scripts/web.sh deps     only what they are built with, for tests and type-checks
set -euo pipefail

cd "$(dirname "$0")/../web/ui"
export npm_config_fund=false npm_config_audit=false npm_config_update_notifier=false npm_config_progress=false

say() { printf 'web: %s\n' "$*"; }

# deps: npm writes its own copy of the lock file when, and only when, an installation is complete.
deps() {
  if [ node_modules/.package-lock.json -nt package-lock.json ] && [ node_modules/.package-lock.json -nt package.json ]; then return; fi
  say "fetching what the pages are built with (npm ci) ..."
  local log started=$SECONDS
  log=$(mktemp "${TMPDIR:-/tmp}/firstline-web.XXXXXX")
  npm ci --no-progress >"$log" 2>&1 </dev/null &
  local npm=$! ticks=0 status=0
  trap 'kill "$npm" 2>/dev/null || true; rm -f "$log"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  while kill -0 "$npm" 2>/dev/null; do
    sleep 0.2
    ticks=$((ticks + 1))
    if [ $((ticks % 50)) -eq 0 ]; then say "  still fetching after $((SECONDS - started)) s"; fi
  done
  wait "$npm" || status=$?
  if [ "$status" -ne 0 ]; then
    sed 's/^/    /' "$log" | tail -n 20 >&2
    if grep -qE 'ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENETUNREACH|ERR_SOCKET_TIMEOUT|FETCH_ERROR' "$log"; then
      say "npm's registry ($(npm config get registry 2>/dev/null)) cannot be reached; the pages need it once." >&2
      say "Check the network and, behind a proxy, npm config set https-proxy; then run this again." >&2
    else
      say "npm ci failed; see above." >&2
    fi
    exit 1
  fi
  touch node_modules/.package-lock.json # newer than the lock file even when npm kept the old time
  rm -f "$log"
  trap - EXIT INT TERM
}

sources() { find src public ./*.html vite.config.ts vite.widget.config.ts tsconfig.json package.json package-lock.json "$@"; }

build() {
  # Vite empties dist first and writes the pages last, so a page there says that a build was complete.
  if [ -f dist/chat.html ] && [ -f dist/desk.html ] && [ -z "$(sources -newer dist/chat.html -print -quit)" ]; then return; fi
  deps
  say "building the pages ..."
  if ! npm run --silent build -- --logLevel warn; then
    rm -f dist/chat.html
    say "the pages could not be built; see above." >&2
    exit 1
  fi
  touch dist/chat.html dist/.gitkeep
}

case ${1:-} in
  build) build ;;
  deps) deps ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
