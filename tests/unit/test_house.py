"""What is written twice says the same: the version, and the releases of the tools that check the code."""

from __future__ import annotations

import re
from importlib.metadata import version

import yaml

import gliomics
from tests.conftest import PROJECT


def test_version_is_the_same_wherever_it_is_written() -> None:
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))
    newest = re.search(r"^## \[(.+?)\]", (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert gliomics.__version__ == citation["version"] == newest[1] == version("gliomics")


def test_pre_commit_checks_with_the_locked_releases() -> None:
    repositories = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    pins = {repository["repo"].rsplit("/", 1)[-1]: repository.get("rev") for repository in repositories}
    lock = dict(re.findall(r"^(\S+)==(\S+)", (PROJECT / "requirements" / "lock.txt").read_text(), re.MULTILINE))
    assert pins == {"ruff-pre-commit": f"v{lock['ruff']}", "local": None}
    assert (version("ruff"), version("mypy")) == (lock["ruff"], lock["mypy"])


def test_forms_for_issues_ask_what_they_need() -> None:
    forms = sorted((PROJECT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    fields = {
        form.stem: {field["id"] for field in content["body"] if "id" in field}
        for form in forms
        if "body" in (content := yaml.safe_load(form.read_text(encoding="utf-8")))
    }
    assert fields == {"bug": {"version", "steps", "result"}, "idea": {"work", "missing"}}
