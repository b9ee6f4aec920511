# Firstline's tasks. `make` lists them. Everything works in a fresh clone; scripts/setup.sh brings what is missing.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# nomsgpack leaves out a codec of gin's that we do not use, and a third of the program.
TAGS := nomsgpack
# Stamping a revision fails where git refuses to speak about a clone that another user owns.
VCS := $(shell git rev-parse HEAD >/dev/null 2>&1 && echo auto || echo false)
GOTEST := go test -tags $(TAGS)
# One PostgreSQL server for all test binaries: WITH_POSTGRES command...
WITH_POSTGRES := bin/pgtest-run --

.PHONY: help run build test check bench microbench eval certify clean setup web web-deps pgtest-run

help: ## this list
	@echo 'make TASK, where TASK is one of:'
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{ printf "  %-12s %s\n", $$1, $$2 }'

run: build ## build everything and start the demo (Ctrl-C stops it)
	@exec bin/firstline serve --demo

build: web ## build bin/firstline with the web pages in it
	@echo 'build: compiling Firstline (the first time fetches its libraries and takes a minute or two) ...'
	@go build -tags $(TAGS) -buildvcs=$(VCS) -o bin/firstline ./cmd/firstline

test: build web-deps pgtest-run ## every test: web pages, Go, database, browser
	@echo 'test: the web pages'
	@cd web/ui && npm test --silent
	@echo 'test: Go, against one PostgreSQL (the first time compiles for a few minutes; a line per package)'
	@$(WITH_POSTGRES) $(GOTEST) -timeout 20m ./...
	@echo 'test: a customer, an agent and a browser (about a minute)'
	@cd web/ui && npm run --silent e2e

check: web web-deps pgtest-run ## format, vet, staticcheck, types, and Go's tests with the race detector
	@echo 'check: gofmt'
	@files=$$(find . -path ./web/ui/node_modules -prune -o -name '*.go' -print | xargs gofmt -l); \
		if [ -n "$$files" ]; then echo 'not formatted, run gofmt -w on:'; echo "$$files"; exit 1; fi
	@echo 'check: go vet'
	@go vet -tags $(TAGS) ./...
	@echo 'check: staticcheck'
	@go tool staticcheck -tags $(TAGS) ./...
	@echo 'check: types of the web pages'
	@cd web/ui && npm run --silent typecheck && npm test --silent
	@echo 'check: Go tests with the race detector, the walls between packages among them'
	@$(WITH_POSTGRES) $(GOTEST) -race -timeout 40m ./...

bench: build ## the cost of a turn beside the least it can cost on this machine (several minutes)
	@scripts/bench.sh

microbench: web pgtest-run ## Go's benchmarks
	@$(WITH_POSTGRES) $(GOTEST) -run '^$$' -bench . -benchmem ./...

eval: build ## how sure the demo's answers are: tables, and a page with plots in bin/eval.html (half a minute)
	@bin/firstline eval --demo --html bin/eval.html --json bin/eval.json

certify: build ## the demo's certificate anew, after a change of what it rests on
	@bin/firstline eval --demo --html bin/eval.html --json bin/eval.json --certificate kb/demo/certificate.json

clean: ## remove what was built; ./data, the demo's database, stays
	@rm -rf bin web/ui/node_modules
	@find web/ui/dist -mindepth 1 ! -name .gitkeep -delete
	@if [ -e data ]; then echo 'clean: ./data is kept; delete it to begin with an empty database'; fi

setup:
	@scripts/setup.sh $(if $(filter test check,$(MAKECMDGOALS)),--test)

web: setup
	@scripts/web.sh build

web-deps: setup
	@scripts/web.sh deps

pgtest-run: setup
	@go build -buildvcs=false -o bin/pgtest-run ./internal/postgres/pgtest/run
