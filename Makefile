# A fresh machine needs Python 3.11–3.13, make and a package index; everything else happens here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo demo-all test test-long test-gpu check audit format lock clean

demo: $(VENV)/ready  ## release the free light chain cohort under ε = 1 by AIM, and by a GAN beside it
	@$(BIN)/python examples/demo.py

demo-all: $(VENV)/ready  ## the same by every generator of ours
	@$(BIN)/python examples/demo.py demo-ctgan demo-diffusion

# each worker takes a run of neighbours, which share what is fitted once; the files that come last are short ones,
# while xdist's own order would end with those of few tests, the longest
test: check  ## lint, types and the fast tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-long: $(VENV)/ready  ## what takes minutes
	$(BIN)/python -m pytest -m long

check: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test-gpu: $(VENV)/ready  ## what a machine with CUDA can show
	$(BIN)/python -m pytest -m gpu

audit:  ## look the pinned dependencies up in the advisories of osv.dev; an environment of its own, thrown away
	place=$$(mktemp -d) && trap 'rm -rf "$$place"' EXIT && $(PYTHON) -m venv "$$place" && \
		"$$place/bin/pip" install --quiet --disable-pip-version-check pip-audit && \
		"$$place/bin/pip-audit" --vulnerability-service osv --requirement requirements.lock --no-deps --disable-pip

format: $(VENV)/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(VENV)/ready: requirements.lock pyproject.toml
	@echo "an environment in $(VENV), once: some 200 packages, 3 GB, minutes on a slow line"
	@$(PYTHON) -m venv $(VENV)
	@{ $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off -r requirements.lock; \
		echo "pip exit $$?"; } | awk '/^pip exit/ { code = $$3 } \
		/^Collecting/ { if (++n % 25 == 0) { print "  " n " packages found"; fflush() } } \
		/^Installing/ { print "  unpacking them"; fflush() } \
		END { exit code }'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

lock:  ## pin every dependency again, for all supported Pythons
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras \
		--no-emit-index-url --no-emit-find-links --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) demo
