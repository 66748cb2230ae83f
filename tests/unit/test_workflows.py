"""What the workflows call exists here, since they run nowhere but on GitHub."""

import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
MAKE = re.compile(r"\bmake((?: +[a-z][\w-]*(?![\w=-]))+)")
SCRIPT = re.compile(r"(?<![\w/])\.ci/([\w.-]+)")
PINNED = re.compile(r"[\w.-]+/[\w./-]+@v\d+(\.\d+)*")


def _read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _jobs(path):
    return _read(path)["jobs"]


def _steps(path):
    return [step for job in _jobs(path).values() for step in job.get("steps", [])]


def _commands(path):
    return [step["run"] for step in _steps(path) if "run" in step]


def called(command):
    """Return the targets of make and the scripts of .ci that a command names."""
    targets = {target for words in MAKE.findall(command) for target in words.split()}
    return targets, set(SCRIPT.findall(command))


def _targets():
    return set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))


def each_workflow(test):
    return pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)(test)


def test_there_are_workflows_and_forms():
    assert {path.name for path in WORKFLOWS} == {"release.yml", "systems.yml", "tests.yml"}
    assert {path.name for path in FORMS} == {"bug.yml", "config.yml", "feature.yml"}


@each_workflow
def test_a_workflow_has_a_trigger_and_jobs_that_run_something(path):
    workflow = _read(path)

    assert workflow["on"]  # unquoted, YAML reads it as true
    assert all("uses" in job or (job["runs-on"] and job["steps"]) for job in workflow["jobs"].values())


@each_workflow
def test_jobs_wait_for_jobs_that_exist(path):
    jobs = _jobs(path)

    assert {job["needs"] for job in jobs.values() if "needs" in job} <= set(jobs)


@each_workflow
def test_each_target_of_make_exists(path):
    targets = {target for command in _commands(path) for target in called(command)[0]}

    assert targets
    assert targets - _targets() == set()


@each_workflow
def test_each_script_exists_and_can_be_run(path):
    scripts = {ROOT / ".ci" / name for command in _commands(path) for name in called(command)[1]}

    assert [script.name for script in scripts if not (script.is_file() and script.stat().st_mode & 0o100)] == []


@each_workflow
def test_each_action_is_pinned_by_a_version_tag_and_each_local_workflow_exists(path):
    used = [one["uses"] for one in (*_steps(path), *_jobs(path).values()) if "uses" in one]
    local = [one for one in used if one.startswith("./")]

    assert [one for one in local if not (ROOT / one).is_file()] == []
    assert [one for one in used if one not in local and not PINNED.fullmatch(one)] == []


def test_sanity_runs_on_each_core_from_the_oldest_that_is_required():
    required = _read(ROOT / "meta" / "runtime.yml")["requires_ansible"]
    jobs = _jobs(ROOT / ".github" / "workflows" / "tests.yml")
    cores = {row["core"] for row in jobs["sanity"]["strategy"]["matrix"]["include"]}

    assert required == f">={min(cores)}.0"
    assert cores == {f"2.{minor}" for minor in range(17, 22)}


def test_a_release_is_published_after_approval_only():
    jobs = _jobs(ROOT / ".github" / "workflows" / "release.yml")

    assert [name for name, job in jobs.items() if "write" in job.get("permissions", {}).values()] == ["publish"]
    assert jobs["publish"]["environment"] == "release"


@pytest.mark.parametrize(
    ("command", "targets", "scripts"),
    [
        ("make lint", {"lint"}, set()),
        ('sudo env "PATH=$PATH" make golden release-test', {"golden", "release-test"}, set()),
        ("make molecule image=localhost/a scenario=b", {"molecule"}, set()),
        ("make setup\n.ci/docs docs-build", {"setup"}, {"docs"}),
        ("cmake build; ls", set(), set()),
        ("echo a.ci/b", set(), set()),
    ],
)
def test_what_a_command_calls(command, targets, scripts):
    assert called(command) == (targets, scripts)


def test_forms_ask_for_something():
    forms = [_read(path) for path in FORMS if path.name != "config.yml"]

    assert all(form["name"] and form["description"] and form["body"] for form in forms)
