# `make demo` trains the sample and shows the result; `make test` runs every test this machine can.
# Both set themselves up in .venv; nothing is installed outside this directory.

.DEFAULT_GOAL := help
.PHONY: help demo demo-image test campaign lint lock lock-check docs bench-distributed bench-storage image image-cpu clean
.DELETE_ON_ERROR:

# The first Python that TensorFlow 2.21 has wheels for; PYTHON=… chooses another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.10 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo $$p && break; done)
BIN := .venv/bin
IMAGE ?= modelmaker-tensorflow
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' entrypoint/__init__.py)
REVISION := $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
BUILD := docker build --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION)
# Which of samples/ to train: make demo SAMPLE=tagger
SAMPLE ?= mnist
DEMO := run/$(SAMPLE)
DEMO_IMAGE := run/$(SAMPLE)-image
# Arguments for pytest: make test TESTS="tests/unit -k parameters"
TESTS ?=

help: ## show what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

# Rebuilt whole whenever the lock changes, so that it never holds what the lock does not.
.venv/ready: requirements/dev.txt
	@test -n "$(PYTHON)" || { echo "make: no Python 3.10 to 3.13 found; install one, or set PYTHON" >&2; exit 1; }
	@echo "setting up .venv with $(PYTHON) (once; about 400 MB to download)"
	@rm -rf .venv
	@$(PYTHON) -m venv .venv || { echo "make: $(PYTHON) cannot make a venv; on Debian install python3-venv" >&2; exit 1; }
	@$(BIN)/pip install --quiet --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes --requirement requirements/dev.txt
	@touch $@

demo: .venv/ready ## train the MNIST sample on this machine and show the result; SAMPLE=… another
	@mkdir -p $(DEMO)/input
	@rm -rf $(DEMO)/code $(DEMO)/checkpoints $(DEMO)/model $(DEMO)/output
	@$(BIN)/python -m samples.$(SAMPLE).prepare $(DEMO)/input/data
	@cp -r samples/$(SAMPLE)/code $(DEMO)/code
	@cp samples/$(SAMPLE)/parameters.json $(DEMO)/input/parameters.json
	@MODELMAKER_ROOT=$(DEMO) MODELMAKER_LOG_FORMAT=text $(BIN)/python -m entrypoint train
	@test ! -f samples/$(SAMPLE)/show.py || $(BIN)/python -m samples.$(SAMPLE).show $(DEMO)

# As the calling user, so that what the container writes belongs to whoever called make.
demo-image: .venv/ready image-cpu ## the same in a container, with docker run and mounts
	@rm -rf $(DEMO_IMAGE)
	@mkdir -p $(DEMO_IMAGE)/input $(DEMO_IMAGE)/checkpoints $(DEMO_IMAGE)/model $(DEMO_IMAGE)/output
	@$(BIN)/python -m samples.$(SAMPLE).prepare $(DEMO_IMAGE)/input/data
	@cp -r samples/$(SAMPLE)/code $(DEMO_IMAGE)/code
	@cp samples/$(SAMPLE)/parameters.json $(DEMO_IMAGE)/input/parameters.json
	docker run --rm --user "$$(id -u):$$(id -g)" --env MODELMAKER_LOG_FORMAT=text --volume "$(CURDIR)/$(DEMO_IMAGE):/opt/ml" $(IMAGE):cpu
	@test ! -f samples/$(SAMPLE)/show.py || $(BIN)/python -m samples.$(SAMPLE).show $(DEMO_IMAGE)
	@echo
	@echo "On a machine with NVIDIA GPUs, after \`make image\`, the same job is:"
	@echo
	@echo "  docker run --rm --gpus all --user \"$$(id -u):$$(id -g)\" --volume \"$(CURDIR)/$(DEMO_IMAGE):/opt/ml\" $(IMAGE):gpu"

test: .venv/ready lint ## run every test this machine can run, and lint
	@$(BIN)/python -m pytest $(TESTS)

campaign: .venv/ready ## run the long tests: every way to lose a machine, twenty kills in a row
	@$(BIN)/python -m pytest -m campaign $(TESTS)

lint: .venv/ready ## check style, types and the lock
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(MAKE) --no-print-directory lock-check

# The pins that are there are kept; `rm requirements/*.txt`-style updates are a matter of choice.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --excludes requirements/without.in
LOCKS := cpu gpu dev awscli
LOCK_CPU = $(LOCK) --override requirements/cpu-override.in

lock: .venv/ready ## write the lock files anew from requirements/*.in; UPGRADE=1 takes newer versions
	$(LOCK_CPU) $(if $(UPGRADE),--upgrade) requirements/cpu.in -o requirements/cpu.txt
	$(LOCK) $(if $(UPGRADE),--upgrade) requirements/gpu.in -o requirements/gpu.txt
	$(LOCK_CPU) $(if $(UPGRADE),--upgrade) requirements/dev.in -o requirements/dev.txt
	$(LOCK) $(if $(UPGRADE),--upgrade) requirements/awscli.in -o requirements/awscli.txt

lock-check: .venv/ready
	@mkdir -p .cache/lock && cp $(LOCKS:%=requirements/%.txt) .cache/lock
	@$(LOCK_CPU) requirements/cpu.in -o .cache/lock/cpu.txt
	@$(LOCK) requirements/gpu.in -o .cache/lock/gpu.txt
	@$(LOCK_CPU) requirements/dev.in -o .cache/lock/dev.txt
	@$(LOCK) requirements/awscli.in -o .cache/lock/awscli.txt
	@for lock in $(LOCKS); do diff requirements/$$lock.txt .cache/lock/$$lock.txt \
		|| { echo "make: requirements/$$lock.txt does not follow from its .in file; run make lock" >&2; exit 1; }; done

bench-distributed: .venv/ready ## examples per second on 1, 2 and 4 machines, beside a bare script
	@$(BIN)/python -m tests.benchmarks.distributed

# Of its own, because its pins are nobody else's. Git is told to leave it alone, as .venv.
.venv-awscli/ready: requirements/awscli.txt | .venv/ready
	@rm -rf .venv-awscli
	@$(BIN)/python -m venv .venv-awscli
	@echo '*' > .venv-awscli/.gitignore
	@.venv-awscli/bin/pip install --quiet --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes --requirement requirements/awscli.txt
	@touch $@

bench-storage: .venv/ready .venv-awscli/ready ## seconds, processor time and memory of transfers, beside the AWS CLI
	@$(BIN)/python -m tests.benchmarks.storage

docs: .venv/ready ## write docs/contrib.md from the packages of tf.contrib
	@mkdir -p .cache
	@$(BIN)/python -m tests.contrib.table > .cache/contrib.md && mv .cache/contrib.md docs/contrib.md

image: ## build the GPU image
	$(BUILD) --build-arg VARIANT=gpu --tag $(IMAGE):gpu .

image-cpu: ## build the CPU image
	$(BUILD) --build-arg VARIANT=cpu --tag $(IMAGE):cpu .

clean: ## remove what make made in this directory
	rm -rf .venv .venv-awscli .cache .mypy_cache .pytest_cache .ruff_cache run
