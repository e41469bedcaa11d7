# Two commands are all one needs: `make serve` and `make test`. Each makes .venv/ first where it is missing.

PYTHON ?= python3
PORT ?= 8000
REAL_FILES ?= .venv/real  # where `make real` keeps what it fetched, 400 MB
UV := .venv/bin/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-package indexsite-client --no-header

export PYTHONDONTWRITEBYTECODE =  # each of the many processes would compile everything anew

.PHONY: serve test check bench real lock format

serve: .venv/serve
	.venv/bin/python manage.py serve --port $(PORT)

test: .venv/dev
	.venv/bin/python -m pytest -n 2 --dist worksteal

check: .venv/dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	INDEXSITE_DATA=$$(mktemp -d) .venv/bin/python manage.py makemigrations --check --dry-run
	INDEXSITE_DATA=$$(mktemp -d) .venv/bin/python manage.py check

bench: .venv/dev
	.venv/bin/python -m bench

real: .venv/dev
	.venv/bin/python -m tests.real $(REAL_FILES)

format: .venv/dev
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

lock: $(UV)
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) --group dev pyproject.toml -o requirements-dev.lock
	for each in tests/locks/*.in; do $(COMPILE) $$each -o $${each%.in}.lock || exit 1; done

$(UV):
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check uv

.venv/serve: requirements.lock client/pyproject.toml | $(UV)
	$(UV) pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes -r requirements.lock
	$(UV) pip install --quiet --compile-bytecode --python .venv/bin/python --no-deps -e client
	touch $@

.venv/dev: requirements-dev.lock client/pyproject.toml | $(UV)
	$(UV) pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes -r requirements-dev.lock
	$(UV) pip install --quiet --compile-bytecode --python .venv/bin/python --no-deps -e client
	touch $@
