# Eight verbs: demo, test, torture, remote, bench, docs, clients, vendored. Each but the last sets up what it needs in .venv.
PYTHON ?= python3
BIN := .venv/bin
STORE ?= build/demo-store

.PHONY: demo test torture remote bench docs clients vendored clean

# Debian packages ensurepip apart from Python: where it is missing, its package is installed first.
.venv/made: pyproject.toml
	$(PYTHON) -m venv .venv || { apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv --clear .venv; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@

demo: .venv/made
	$(BIN)/sopkg --store $(STORE) demo
	$(BIN)/sopkg --store $(STORE) serve --allow-no-netns

# Debian's browser for the tests of pages, Pango and a font for reports on paper. Where they can't be installed (without
# root or network), the tests that need them are skipped and say so.
.venv/packages: .venv/made
	@{ command -v chromium && ldconfig -p | grep libpangoft2; } > /dev/null || { timeout 60 apt-get update -qq \
	  && timeout 180 apt-get install -y -qq --no-install-recommends chromium libpangoft2-1.0-0 fonts-dejavu-core; } > /dev/null 2>&1 \
	  || echo "no chromium or Pango, and apt-get can't install them: the tests that need them are skipped"
	@touch $@

test: .venv/packages
	$(BIN)/ruff check src tests app.py
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

# The clients of the page "Use it from …" with Comunica, of which `make test` does not wait for 50 s and 80 MB from npm.
# Its version 5 needs Node.js 22, which Debian 12 and 13 do not have.
build/clients/node_modules:
	npm install --silent --no-audit --no-fund --prefix build/clients @comunica/query-sparql@4.5.0

clients: .venv/made build/clients/node_modules
	$(BIN)/python -m pytest tests/test_service.py -k each_client

# What the repository has of other people's JavaScript: fetched from npm again, checked, and its licences with it.
vendored:
	$(PYTHON) -m tests.vendored

# The tests with all of their cases and counts, where `make test` tries a part of them.
torture: .venv/packages
	SOPKG_TORTURE=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

# The same queries against Debian's Virtuoso, which is installed.
remote: .venv/made
	command -v virtuoso-t || { apt-get update -qq && apt-get install -y -qq virtuoso-opensource-7-bin; }
	SOPKG_VIRTUOSO=1 $(BIN)/python -m pytest tests/test_virtuoso.py

bench: .venv/made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python -m tests.bench

docs: .venv/made
	$(BIN)/python -m tests.docs build/docs

clean:
	rm -rf .venv build
