# Two commands do everything: `make run` and `make test`.

PYTHON ?= python3
VENV ?= .venv
CORES ?= all
# Name a config of your own: make run CONFIG=my.yaml
CONFIG ?=
# Results also in a bucket, to go on with on another machine: make run BUCKET=s3://lab/runs/one
BUCKET ?=

BIN := $(VENV)/bin
READY := $(VENV)/.ready
SNAKEMAKE := $(BIN)/snakemake --quiet host reason --cores $(CORES) --rerun-incomplete $(if $(CONFIG),--configfile $(CONFIG))
REPORT := results/report.html

.DEFAULT_GOAL := help
.PHONY: help install run redraw report verify test test-slurm bench bench-engines bench-dag torture precision docs lint format lock audit doctor plan space gc clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: $(READY)  ## make the environment in .venv

$(READY): envs/lock.txt envs/torch.txt envs/data.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement envs/lock.txt
	$(BIN)/python -m pip install --quiet --requirement envs/torch.txt
	$(BIN)/python -m pip install --quiet --no-deps --requirement envs/data.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(READY)

run: install  ## run the whole workflow and its report; goes on where a run was killed
	$(BIN)/python -m neuronxa run $(if $(CONFIG),--config $(CONFIG)) $(if $(BUCKET),--bucket $(BUCKET)) -- $(SNAKEMAKE)
	@$(MAKE) --no-print-directory report
	$(if $(BUCKET),$(BIN)/python -m neuronxa bucket push $(BUCKET))

# rules that need no model, no text and no store, only frames
REDRAWN = $(shell sed -nE 's/^rule ((tabulate|plot|write)_[a-z_]+):/\1/p' workflow/rules/*.smk)

redraw: install  ## make all tables, figures and the results page again, from scores alone
	$(BIN)/python -m neuronxa run -- $(SNAKEMAKE) --forceall --allowed-rules $(REDRAWN) -- all

# the report is made again only when a result is newer
report: install  ## make results/report.html
	@test -f $(REPORT) && test -z "$$(find results/tables results/figures -newer $(REPORT) -type f)" \
	  || $(SNAKEMAKE) --report $(REPORT) --report-stylesheet workflow/report/report.css
	@echo "The report is in $(REPORT), the results page in results/site/index.html"

verify: install  ## check all results for damage, and compare the default run with the reference
	$(BIN)/python -m neuronxa verify
	$(BIN)/python -m tests.reference.verify

test: install  ## run all tests
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

# TEXTS: a folder with one text per language; by default the embedded corpus
TEXTS ?= resources/corpora/interface
# STORES: folders with an activation store per language; by default those that runs have made
STORES ?= $(wildcard results/activations/*/*/default)
BENCH_MODELS := resources/models/gemma-3-270m resources/models/smollm2-135m

.PHONY: bench-inputs
bench-inputs: install
	$(SNAKEMAKE) --quiet all -- $(addsuffix /model.json,$(BENCH_MODELS)) resources/corpora/interface/corpus.json

bench: bench-inputs  ## measure speed and memory of extraction and comparison against bare products
	$(BIN)/python -m tests.benchmarks.extraction $(BENCH_MODELS) --texts $(TEXTS) $(BENCH)
	$(BIN)/python -m tests.benchmarks.alignment --stores $(STORES)

bench-engines: install  ## measure what Dask processes, a bucket and Slurm cost against a local run
	$(BIN)/python -m tests.benchmarks.engines $(BENCH)

bench-dag: install  ## measure how long Snakemake plans, by models, languages and corpora
	$(BIN)/python -m tests.benchmarks.dag

KILLS ?= 50
TRIALS ?= 200

test-slurm: install  ## run the workflow on a real Slurm, with a node killed (root, Debian)
	@command -v sbatch > /dev/null && command -v munged > /dev/null \
	  || apt-get install --quiet --yes --no-install-recommends slurm-wlm munge \
	  || echo "Slurm cannot be installed here: the test will say so."
	$(BIN)/python -m pytest -m slurm tests/slurm --capture=no

torture: install  ## kill runs, start two at once, damage files, fill the disk, give every bad input
	$(BIN)/python -m tests.torture.kills --kills $(KILLS)
	$(BIN)/python -m tests.torture.twice
	$(BIN)/python -m tests.torture.damage --trials $(TRIALS)
	$(BIN)/python -m tests.torture.disk
	$(BIN)/python -m tests.refusals.catalog --check

precision: bench-inputs  ## measure what half precision does to states and scores
	$(BIN)/python -m tests.benchmarks.precision $(BENCH_MODELS) --texts $(TEXTS) $(BENCH)

docs: install  ## render the tables of the documents from the code, and build them as pages in docs/_build
	$(BIN)/python docs/render.py
	$(BIN)/python -m sphinx --conf-dir docs --builder html --fail-on-warning --keep-going --quiet . docs/_build
	@echo "The pages are in docs/_build/index.html"

lint: install  ## check style, types and rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/python envs/render.py --check
	$(BIN)/python docs/render.py --check

format: install  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

lock: install  ## render envs/ from the pins in pyproject.toml
	$(BIN)/python envs/render.py
	$(BIN)/pip-compile --quiet --strip-extras --all-extras --no-emit-index-url --no-emit-find-links \
	  --no-emit-options --allow-unsafe --no-annotate --generate-hashes --output-file envs/lock.txt pyproject.toml
	$(BIN)/python envs/render.py --lock

audit: install  ## ask an advisory service for known faults of the pinned packages
	$(BIN)/python envs/audit.py

doctor: install  ## look at packages, cores, memory, GPUs, disk, the config and its models
	$(BIN)/python -m neuronxa doctor $(if $(CONFIG),--config $(CONFIG))

# GPUS: numbers of GPUs to plan for, such as GPUS='1 8 64'
plan: install  ## show how long the run will take, on how many GPUs, and how much memory and disk
	$(BIN)/python -m neuronxa plan $(if $(CONFIG),--config $(CONFIG)) $(if $(GPUS),--gpus $(GPUS))

space: install  ## show how much disk the run takes
	$(BIN)/python -m neuronxa space $(if $(CONFIG),--config $(CONFIG))

# GC=--delete deletes what is stale; GC='--delete --inputs' snapshots and texts too
gc: install  ## show what takes disk and what is stale (GC=--delete deletes it)
	$(BIN)/python -m neuronxa gc $(if $(CONFIG),--config $(CONFIG)) $(GC)

clean:  ## remove the results of all runs (snapshots and texts in resources/ stay)
	rm -rf results/activations results/alignment results/neurons results/benchmarks results/transfer results/rankings \
	  results/fine_tuning results/nli results/harness results/controls results/items results/provenance \
	  results/correlation results/tables results/figures results/site results/logs results/timings results/bench $(REPORT)
