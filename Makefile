# Every target does its own set-up, and does nothing that is done already.

VENV ?= .venv
PEERS ?= .venv-peers
TORCH ?= torch==2.13.0
WORKERS ?= 2
ARGS ?=

BIN := $(VENV)/bin
READY := $(VENV)/.ready
# What the demo needs is a fraction of what tests and documentation need.
INSTALLED := $(VENV)/.installed

# Several threads beside a busy neighbour wait for each other more than they compute.
export OMP_NUM_THREADS ?= 1
# Without compiled files every process that the tests start would compile the package again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test test-all lint check format bench bench-auto bench-hardenings bench-peers bench-revisions mutants
.PHONY: docs pages house package clean

help:
	@echo "make demo    flip bits in a trained network on real digits, and write a report (about a minute)"
	@echo "make test    the tests and doctests; ARGS='tests/formats -k fixed' picks some"
	@echo "make test-all   the slow tests as well, which repeat claims of quicker ones at larger sizes"
	@echo "make lint    formatting, lint, types"
	@echo "make check   the same, and the tests of the architecture"
	@echo "make format  bring the code into shape"
	@echo "make docs    the documentation as a site in build/site, which opens without a network"
	@echo "make pages   one page of each kind in build/pages, checked by axe-core for everyone to read them"
	@echo "make bench   time the engines; ARGS='lenet5 --quick' picks rows and sizes"
	@echo "make bench-auto   time engine='auto' beside whole passes"
	@echo "make bench-hardenings   time hardened models beside the unprotected ones"
	@echo "make bench-peers   time other tools, in an environment of their own"
	@echo "make bench-revisions OLD=main   time every action of a user in two revisions, in turn (NEW=... or this tree)"
	@echo "make mutants   plant wrong operators and constants and list those that no near test notices;"
	@echo "               ARGS='--number 10 radhard/stats' picks modules and how many, ARGS=--help"
	@echo "make package what would be published: built, installed by its name into a clean environment, and run"
	@echo "make house   measure the code, and put the tables into README.md and docs/architecture.md"
	@echo "make clean   remove the environment and everything that was made"
	@echo "Set-up is part of each; PYTHON=python3.12 chooses the interpreter, TORCH=... the build of torch."

demo: $(if $(wildcard $(READY)),$(READY),$(INSTALLED))
	$(BIN)/radhard demo

# With worksteal most files stay in one worker, which makes what their tests share once.
test: $(READY)
	@command -v chromium >/dev/null || scripts/system_package chromium
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

test-all: override ARGS += -m "" --hypothesis-profile=wide
test-all: test

docs: $(READY)
	@echo "Building the documentation, which takes about a minute ..."
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --site-dir build/site
	@echo "build/site/index.html, to open and search from there, without a server"

pages: $(READY)
	$(BIN)/python scripts/page_kinds.py build/pages
	$(BIN)/python scripts/accessibility.py build/pages/*.html

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint
	$(BIN)/python -m pytest tests/test_architecture.py

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)
	$(BIN)/python -m benchmarks $(ARGS)

bench-auto: $(READY)
	$(BIN)/python -m benchmarks.auto $(ARGS)

bench-hardenings: $(READY)
	$(BIN)/python -m benchmarks.overhead $(ARGS)

bench-revisions: $(READY)
	$(BIN)/python -m benchmarks.revisions $(OLD) $(NEW) $(ARGS)

mutants: $(READY)
	$(BIN)/python scripts/mutants.py $(ARGS)

house: $(READY)
	$(BIN)/python scripts/house.py $(ARGS)

package:
	scripts/prove_package build/package $(TORCH)

bench-peers: $(READY) $(PEERS)/.ready
	$(BIN)/python -m benchmarks.peers.export
	$(PEERS)/bin/python -m benchmarks.peers $(ARGS)

$(PEERS)/.ready: benchmarks/peers/set_up
	benchmarks/peers/set_up $(PEERS) $(TORCH)
	@touch $@

# The stamp is younger than what it depends on only after a complete installation.
$(READY): pyproject.toml scripts/set_up
	scripts/set_up $(VENV) $(TORCH)
	@touch $@

$(INSTALLED): pyproject.toml scripts/set_up
	scripts/set_up $(VENV) $(TORCH) data
	@touch $@

clean:
	rm -rf $(VENV) $(PEERS) benchmarks/peers/exported build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
