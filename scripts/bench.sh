#!/usr/bin/env bash
# Measures the speed of bin/firstline beside the floor, about ten minutes. Options are passed on to firstline-bench, as in
#   scripts/bench.sh --scenario builtin --rounds 1 --json speed.json
# BENCH_REFERENCE may name a folder with the Go programs floor and pgb, and BENCH_DATA one with articles.json and
# questions.json; both are optional and are found by themselves in a checkout that has ../shared beside it.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ ! -x bin/firstline ]; then
  echo 'bench: bin/firstline is missing; run: make build' >&2
  exit 1
fi
go build -tags nomsgpack -buildvcs=false -o bin/firstline-bench ./cmd/firstline-bench

reference=${BENCH_REFERENCE-}
if [ -z "${BENCH_REFERENCE+set}" ] && [ -f ../shared/bench/floor/main.go ]; then reference=../shared/bench; fi
if [ -z "${BENCH_DATA+set}" ] && [ -f ../shared/eval/bench/articles.json ]; then export BENCH_DATA=../shared/eval/bench; fi

exec bin/firstline-bench ${reference:+--reference "$reference"} "$@"
