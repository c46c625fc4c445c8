# Everything a developer does here. Needs Python 3.11 or newer, make and git, nothing else.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin

# PYTHON=... chooses the interpreter that .venv is made with.
PYTHON ?=
# T=path chooses what `make test` runs; without it the whole suite with its coverage.
T ?=
PYTEST_ARGS ?=
# JOBS=2 lets so many processes share the tests, file by file, each with servers of its own.
JOBS ?=

# What `make simulate` runs: histories from so many seeds, the first one SEED.
SEED ?= 1
EXAMPLES ?= 1000
STEPS ?= 30

# How long `make fuzz` sends broken requests; the same SEED sends the same ones.
MINUTES ?= 10
# Where `make sbom` writes; without it below build/.
OUT ?=

CANDIDATES = $(if $(PYTHON),"$(PYTHON)",python3.13 python3.12 python3.11 python3)
PARALLEL = $(if $(JOBS),-n $(JOBS) --dist loadfile)
# CHROMIUM=/path/to/chrome chooses the browser of `make test-browser`; nothing else needs one.
CHROMIUM ?= chromium
BROWSER_TESTS = tests/browser
# Programs of others; they need a package registry and Node.js.
PEER_TESTS = tests/peers
WITHOUT_THESE = --ignore=$(BROWSER_TESTS) --ignore=$(PEER_TESTS)
COVERAGE = -p tests.support.covered
LOCK = CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile setup.cfg --quiet \
	$(if $(UPGRADE),--upgrade) \
	--generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links

# Bring .venv to the state of a lock; silent and quick when it is there already.
define installed
	@for python in $(CANDIDATES); do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			exec "$$python" -P payments/local/install.py $(1); \
		fi; \
	done; \
	echo "payments: no Python 3.11 or newer was found$(if $(PYTHON), as $(PYTHON));" \
		"install python3.11 (with its venv module) or name one: make PYTHON=/path/to/python" >&2; \
	exit 1
endef

.PHONY: help run test test-services test-browser test-peers lint format types contracts migrations-check \
	sure soak simulate fuzz bench audit sbom lock clean browser install-local install-dev

help: ## what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' Makefile

run: install-local ## the whole service on this machine: web, worker, beat, sandbox, Valkey
	@exec $(BIN)/python -m payments.local --with-parent

test: install-dev ## the tests on SQLite and Valkey; T=path for a part
	@unset DATABASE_URL REDIS_URL; \
	exec $(BIN)/python -m pytest $(or $(T),$(COVERAGE)) $(WITHOUT_THESE) $(PARALLEL) $(PYTEST_ARGS)

test-services: install-dev ## the same on the servers that DATABASE_URL and REDIS_URL name
	@PYTHONPATH=. $(BIN)/python .ci/services.py
	@exec $(BIN)/python -m pytest $(T) $(WITHOUT_THESE) $(PARALLEL) $(PYTEST_ARGS)

test-browser: browser install-dev ## a real Chromium clicks through the sandbox's pages
	@unset DATABASE_URL REDIS_URL; \
	CHROMIUM="$(CHROMIUM)" exec $(BIN)/python -m pytest $(or $(T),$(BROWSER_TESTS)) $(PYTEST_ARGS)

test-peers: install-dev ## programs of others against the sandbox; needs PyPI, npm and Node.js
	@unset DATABASE_URL REDIS_URL; \
	exec $(BIN)/python -m pytest $(or $(T),$(PEER_TESTS)) $(PYTEST_ARGS)

lint: install-dev ## ruff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: install-dev ## let ruff put right what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: install-dev ## mypy, strict, on payments and worker
	@$(BIN)/mypy

contracts: install-dev ## who may import whom
	@$(BIN)/lint-imports --no-cache

migrations-check: install-dev ## fresh databases up, compared with the models, down and up again
	@PYTHONPATH=. $(BIN)/python .ci/migrations.py

sure: ## everything that CI checks
	@exec .ci/run

soak: install-dev ## ten minutes under chaos on DATABASE_URL and REDIS_URL, then both ledgers (docs/soak.md)
	@PYTHONPATH=. exec $(BIN)/python -m benchmarks.soak

simulate: install-dev ## histories of the money path from seeds: SEED, EXAMPLES, STEPS (docs/simulation.md)
	@exec $(BIN)/python -m tests.simulation --seed $(SEED) --examples $(EXAMPLES) --steps $(STEPS)

fuzz: install-dev ## broken requests over raw sockets: SEED, MINUTES (docs/fuzzing.md)
	@exec $(BIN)/python -m tests.raw_sockets --seed $(SEED) --minutes $(MINUTES)

bench: install-dev ## benchmarks/*.py
	@set -- benchmarks/*.py; \
	if [ ! -e "$$1" ]; then echo "payments: benchmarks/ holds no benchmark yet"; exit 0; fi; \
	for file; do echo "== $$file"; PYTHONPATH=. $(BIN)/python "$$file" || exit 1; done

audit: install-dev ## known vulnerabilities of the locked packages, where a source can be asked
	@$(BIN)/python .ci/audit.py

sbom: install-dev ## what production installs, as CycloneDX (OUT=file)
	@$(BIN)/python .ci/sbom.py $(OUT)

lock: install-dev ## write the locks anew from setup.cfg (UPGRADE=1 for newer versions)
	@$(LOCK) --output-file requirements.txt
	@$(LOCK) --extra local --constraint requirements.txt --output-file requirements-local.txt
	@$(LOCK) --extra dev --constraint requirements-local.txt \
		--output-file requirements-dev.txt

clean: ## remove what can be made again; the data in .data stays
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache \
		build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

browser:
	@command -v "$(CHROMIUM)" >/dev/null || { \
		echo "payments: no $(CHROMIUM) was found; on Debian, install it: apt-get install chromium" >&2; \
		exit 1; }

install-local:
	$(call installed,requirements-local.txt)

install-dev:
	$(call installed,requirements-dev.txt)
