# make demo and make test do everything on a fresh machine with Python 3.11 or later.
PYTHON ?= python3
BIN    := .venv/bin

.PHONY: demo test lint bench soak clean

demo: .venv/ready ## scan two invented companies, write demo/demo-<date>.xlsx
	$(BIN)/keyround demo --output demo

test: .venv/ready ## the whole suite
	$(BIN)/pytest --numprocesses auto --dist worksteal

lint: .venv/ready ## style, types, who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/ready ## ratios, measured in one run; asserts nothing about time
	$(BIN)/python -m tests.benchmarks

soak: .venv/ready ## the same properties as in the tests, over many more random cases
	HYPOTHESIS_PROFILE=soak $(BIN)/pytest

.venv/ready: pyproject.toml constraints.txt
	@if command -v uv >/dev/null; then \
	  uv venv --quiet --allow-existing --python ">=3.11" .venv && \
	  uv pip install --quiet --python .venv -c constraints.txt -e '.[dev]'; \
	else \
	  $(PYTHON) -m venv .venv && $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'; \
	fi
	@touch $@

clean:
	rm -rf .venv demo dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis
