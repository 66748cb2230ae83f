# Each target sets up what it needs first, and says what it could not get; what is longer than a line is in .ci/.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

in_env := source .ci/env.sh;
# Files of tests share nothing, so that each core of the machine can run some; those that wait for a kernel can be more than there are cores.
parallel := --numprocesses=auto --dist=loadfile
waiting := --numprocesses=6
of_hosts := tests/unit/plugins/modules tests/unit/plugins/module_utils tests/kernel/plugins/module_utils
of_ansible := tests/unit/plugins/action tests/unit/plugins/filter tests/playbooks
# Clients of clouds and clusters follow the newest core; release-test runs these.
without_clients := $(addprefix --ignore=tests/playbooks/test_,security_group.py network_policy_role.py calico_kubernetes.py)

help: ## Print what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

setup: ## Install what is missing: Debian packages, locked tools in .venv, a few collections
	@.ci/setup

demo: lab ## Bring a fleet of containers up, harden it and prove it with packets
	@$(in_env) molecule/shared/demo.sh up

demo-down: ## Take the demo's containers and networks down
	@$(in_env) molecule/shared/demo.sh down

test: lab ## Run every check below, and print how long each took and the sums; with since=main, those that a change concerns
	@.venv/bin/python .ci/stages.py --all $(if $(since),--since $(since))

check: setup ## Run what needs no containers; what needs root is skipped without it
	@.venv/bin/python .ci/stages.py lint types unit hosts kernel golden

lint: setup ## Run the linters
	@.ci/lint

types: setup ## Run mypy
	@$(in_env) mypy -p ansible_collections.gatehouse.firewall.plugins.plugin_utils -p ansible_collections.gatehouse.firewall.plugins.module_utils

unit: setup ## Run the unit tests of what runs on the controller
	@.ci/tests $(parallel) $(addprefix --ignore=,$(filter tests/unit/%,$(of_hosts))) tests/unit

golden: setup ## Compare rendered rulesets with the expected ones, and load them in a namespace
	@.ci/tests $(waiting) tests/golden

hosts: setup ## Run the tests of what runs on hosts on the oldest Python at hand
	@.ci/hosts $(waiting) $(of_hosts)

kernel: setup ## Load what is rendered into real kernels, in namespaces
	@.ci/tests $(waiting) tests/kernel/plugins/plugin_utils

browser: setup ## Open a report in a browser, click, read, and look at its colours (chromium)
	@.ci/tests tests/browser

oldest: setup ## Run what touches Ansible on the oldest ansible-core that the collection takes
	@.ci/on-core oldest 3.10 3.11 3.12 -- .ci/tests $(parallel) -m "not one_core" $(without_clients) $(of_ansible)

sanity: setup ## Run ansible-test sanity
	@.ci/ansible-test sanity

release: setup ## Build the release of the last commit into dist/, with checksums and a bill of materials, and check it
	@.ci/release

release-test: setup ## Build the collection, check it as Galaxy does, install it into an empty path, and run what touches Ansible on it by the newest ansible-core
	@.ci/on-core newest 3.14 3.13 3.12 -- .ci/release-test $(parallel) tests/playbooks

packets: lab ## Prove with packets that the kernel agrees with the compiler
	@.ci/tests tests/packets

parity: lab ## Hold the kernel, behind each backend, to verdict() with random policies and packets
	@.ci/tests tests/parity

molecule: lab ## Run the Molecule scenarios; one: make molecule scenario=default; on another system: image=localhost/lab:alma9
	@GATEHOUSE_LAB_IMAGE=$(image) .ci/molecule $(scenario)

times: ## Write what the last `make test` took into docs/development.md
	@.venv/bin/python .ci/stages.py --write-times

bench: lab ## Measure the figures in benchmarks/
	@$(in_env) benchmarks/run

screenshots: setup ## Take the pictures of the page that the documentation shows (chromium)
	@$(in_env) python tests/browser/screenshots.py docs/images

variables: ## Write docs/variables.md from the roles' argument specs
	@.venv/bin/python .ci/variables.py

lock: ## Bring the locked versions up to date
	@.ci/lock

clean: ## Remove what the other targets wrote into this folder
	@rm -rf .ansible .cache .venv .venv-* .*_cache .hypothesis tests/output dist gatehouse-firewall-*.tar.gz

lab: setup
	@.ci/need lab

.PHONY: bench browser check clean demo demo-down golden help hosts kernel lab lint lock molecule oldest packets parity release release-test sanity screenshots setup test times types unit variables
