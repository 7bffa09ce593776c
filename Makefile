# A fresh machine needs Python 3.11–3.13, make and a package index; everything else happens here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-long test-gpu check audit format lock clean

demo: $(VENV)/ready  ## release the free light chain cohort under ε=1 by three generators; say what was decided
	@$(BIN)/python examples/flchain.py demo/flchain.csv
	@$(BIN)/python -c "import sys, torch; sys.exit(torch.cuda.is_available())" || $(BIN)/understudy setup
	@for candidate in demo-ctgan demo-diffusion demo; do \
		echo "== $$candidate"; \
		$(BIN)/understudy release configs/releases/$$candidate.yaml || [ $$? -eq 3 ] || exit $$?; done

# each worker takes a run of neighbours, which share what is fitted once
test: check  ## lint, types and the fast tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

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
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

lock:  ## pin every dependency again, for all supported Pythons
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras \
		--no-emit-index-url --no-emit-find-links --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) demo
