# Each target sets up what it needs first, and says what it could not get; what is longer than a line is in .ci/.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

in_env := source .ci/env.sh;
# Folders whose tests run on the oldest and the newest ansible-core too.
core_tests := tests/unit tests/playbooks
# These tests share nothing, so that each core of the machine can run some.
parallel := --numprocesses=auto
check_stages := lint types unit
test_stages := $(check_stages) golden browser cores units sanity release-test packets parity molecule

help: ## Print what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

setup: ## Install what is missing: Debian packages, locked tools in .venv, a few collections
	@.ci/setup

demo: lab ## Bring a fleet of containers up, harden it and prove it with packets
	@$(in_env) molecule/shared/demo.sh up

demo-down: ## Take the demo's containers and networks down
	@$(in_env) molecule/shared/demo.sh down

test: lab ## Run every check below, and print the sum
	@.ci/stages $(test_stages)

check: setup ## Run what needs neither root nor containers
	@.ci/stages $(check_stages)

lint: setup ## Run the linters
	@.ci/lint

types: setup ## Run mypy
	@$(in_env) mypy -p ansible_collections.gatehouse.firewall.plugins.plugin_utils -p ansible_collections.gatehouse.firewall.plugins.module_utils

unit: setup ## Run the unit tests
	@.ci/tests $(parallel) tests/unit

golden: setup ## Compare rendered rulesets with the expected ones, and load them in a namespace
	@.ci/tests $(parallel) tests/golden

browser: setup ## Open a report in a browser, click, read, and look at its colours (chromium)
	@.ci/tests tests/browser

cores: setup ## Run the unit and playbook tests on the oldest and the newest ansible-core
	@.ci/cores $(parallel) $(core_tests)

units: setup ## Run the unit tests with ansible-test
	@.ci/ansible-test units

sanity: setup ## Run ansible-test sanity
	@.ci/ansible-test sanity

release-test: setup ## Build the collection, install it into an empty path, and run the playbook tests on it
	@.ci/release-test $(parallel) tests/playbooks

packets: lab ## Prove with packets that the kernel agrees with the compiler
	@.ci/tests tests/packets

parity: lab ## Hold the kernel, behind each backend, to verdict() with random policies and packets
	@.ci/tests tests/parity

molecule: lab ## Run the Molecule scenarios; one: make molecule scenario=default
	@.ci/molecule $(scenario)

bench: lab ## Measure the figures in benchmarks/
	@$(in_env) benchmarks/run

screenshots: setup ## Take the pictures of the page that the documentation shows (chromium)
	@$(in_env) python tests/browser/screenshots.py docs/images

lock: ## Bring the locked versions up to date
	@.ci/lock

clean: ## Remove what the other targets wrote into this folder
	@rm -rf .ansible .cache .venv .venv-newest .venv-oldest .*_cache .hypothesis tests/output gatehouse-firewall-*.tar.gz

lab: setup
	@.ci/need lab

.PHONY: bench browser check clean cores demo demo-down golden help lab lint lock molecule packets parity release-test sanity screenshots setup test types unit units
