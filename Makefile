# make demo and make test do everything on a fresh machine with Python 3.11 or later.
PYTHON ?= python3
BIN    := .venv/bin

# An environment with what is named, by uv where there is one.
define environment
	@if command -v uv >/dev/null; then \
	  uv venv --quiet --allow-existing --python ">=3.11" $(1) && \
	  uv pip install --quiet --python $(1) -c constraints.txt $(2); \
	else \
	  $(PYTHON) -m venv $(1) && $(1)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt $(2); \
	fi
endef

.PHONY: demo test lint bench soak dist bundle clean

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

dist: .venv/ready ## the wheel and the source, in dist/
	@rm -f dist/keyround-*
	$(BIN)/hatchling build -d dist

bundle: dist ## a folder with Python and all that is needed, for computers without: dist/keyround/
	@rm -rf build/bundle
	$(call environment,build/bundle,dist/keyround-*.whl pyinstaller)
	build/bundle/bin/pyinstaller --noconfirm --log-level WARN --distpath dist --workpath build/work .packaging/keyround.spec

.venv/ready: pyproject.toml constraints.txt
	$(call environment,.venv,-e '.[dev]')
	@touch $@

clean:
	rm -rf .venv demo dist build .mypy_cache .ruff_cache .import_linter_cache .hypothesis
