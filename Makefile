# make study   everything the default study needs, then the study itself
# make test    what a change must pass: ten minutes
# make lint    style of Python and of the workflow
# make test-long [LONG_BUDGET=25m]  the full counts: all, or the most telling until the time is spent
#
# make plan                   what a run would do and why, without running it
# make watch                  how far a study is that runs, here or on a cluster
# make verify                 every stored file against its digest
# make clean-orphans [YES=1]  results that no configuration asks for: listed, and removed if told
# make pack                   the published study with its provenance in one file
# make bench [ONLY="grid cka"]  our speed beside that of what people use instead
#            [IMAGES=2000]      of the family `face`; 200 if not given
# make accept WHY="..."       carry results over after a refactor that changes none
# make lowest [TESTS="tests/unit/face"]  the lowest version of every range, and tests with these
#
# STUDY_CONFIG=path chooses another configuration than config/config.yaml.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STUDY_CONFIG ?=
LOWEST := .venv-lowest
TESTS ?= tests/unit/test_packaging.py tests/unit/store tests/unit/statistics tests/unit/measuring tests/unit/face tests/unit/auditing tests/end_to_end/test_tiny_study.py
LONG_BUDGET ?=
# Handed to the shell as a variable and never as text: a path may hold quotes, spaces and $.
export CHOSEN := $(value STUDY_CONFIG)
export FAMILIES := $(value ONLY)
export COUNT := $(value IMAGES)
export BUDGET := $(value LONG_BUDGET)
unexport STUDY_CONFIG WHY ONLY IMAGES LONG_BUDGET
DISTILSCOPE = $(BIN)/python -m distilscope
PYTEST = PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -q -n 2 --dist loadfile --max-worker-restart 4
CONFIGURATION = $(if $(CHOSEN),--configuration "$$CHOSEN")

.PHONY: study test test-long lint schema plan watch verify clean-orphans pack accept bench lowest

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("distilscope needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

$(VENV)/.language: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[language]'
	touch $@

study: $(VENV)/.installed
	$(BIN)/python -m distilscope.configuration "$${CHOSEN:-config/config.yaml}"
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/snakemake --cores all --resources gpu=1 $(if $(CHOSEN),--configfile "$$CHOSEN")
	$(DISTILSCOPE) summary $(CONFIGURATION)

plan: $(VENV)/.installed
	$(DISTILSCOPE) plan $(CONFIGURATION)

watch: $(VENV)/.installed
	$(DISTILSCOPE) watch $(CONFIGURATION)

verify: $(VENV)/.installed
	$(DISTILSCOPE) verify

clean-orphans: $(VENV)/.installed
	$(DISTILSCOPE) clean-orphans $(CONFIGURATION) $(if $(filter 1,$(YES)),--yes)

pack: $(VENV)/.installed
	$(DISTILSCOPE) pack $(CONFIGURATION)

accept: export ACCEPTED_WHY := $(value WHY)
accept: $(VENV)/.installed
	$(DISTILSCOPE) accept $(CONFIGURATION) --why "$$ACCEPTED_WHY"

bench: $(VENV)/.installed
	-$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m benchmarks.speed $(if $(FAMILIES),--only $$FAMILIES) $(if $(COUNT),--images "$$COUNT")

test: $(VENV)/.language lint
	$(PYTEST) --durations 20 -m "not long"

test-long: $(VENV)/.language
	$(PYTEST) --durations 20 -m long $(if $(BUDGET),--long-budget "$$BUDGET")

# In an environment of its own: what a study has installed must not hide what is missing.
lowest: $(VENV)/.installed
	test -x $(LOWEST)/bin/python || $(PYTHON) -m venv $(LOWEST)
	$(BIN)/python tests/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/pip install --quiet --disable-pip-version-check -c $(LOWEST)/constraints.txt -e '.[test]'
	PATH="$(CURDIR)/$(LOWEST)/bin:$$PATH" $(LOWEST)/bin/python -m pytest -q -m "not long" $(TESTS)

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/snakemake --lint

schema: $(VENV)/.installed
	$(BIN)/python -m distilscope.configuration > workflow/schemas/configuration.schema.json
