"""The packages that are needed and those that add something, against the versions that are tested."""

import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, metadata, packages_distributions, requires, version

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ttom_pl.doctor.check import Check, State

PACKAGE = "ttom_pl"
EXTRAS: Mapping[str, str] = {
    "index": "large memories are searched by an exact scan, which is slower from some 10,000 entries on",
    "torchao": "no int8 and float8 weights (quantization with torchao)",
    "bitsandbytes": "no 4- and 8-bit weights (quantization with bitsandbytes)",
    "gguf": "no weights from GGUF files",
    "sentence-transformers": "no memory keys by other text encoders",
}
"""What is missing without an extra."""
DEVELOPERS = frozenset({"dev", "docs"})
"""Extras that nobody needs to use the package."""


def check_packages() -> Iterator[Check]:
    """Yield a check for each package that is needed: whether it is there, new enough, and can be imported."""
    try:
        wanted = [Requirement(text) for text in requires(PACKAGE) or ()]
    except PackageNotFoundError:
        text = "it is not installed, so that what it needs is not known"
        yield Check("packages", PACKAGE, "broken", text, "pip install ttom_pl, or pip install -e . in its repository")
        return
    for requirement in wanted:
        if _extra(requirement, ()) is None:
            yield _check("packages", requirement, "broken", f"pip install '{_plain(requirement)}'")


def check_extras() -> Iterator[Check]:
    """Yield a check for each extra; one that is missing is a note."""
    try:
        names = metadata(PACKAGE).get_all("Provides-Extra") or []
        wanted = [Requirement(text) for text in requires(PACKAGE) or ()]
    except PackageNotFoundError:
        return
    for name in sorted(set(names) - DEVELOPERS):
        remedy = f"pip install 'ttom_pl[{name}]'"
        checks = [
            _check("extras", requirement, "note", remedy)
            for requirement in wanted
            if _extra(requirement, [name]) == name
        ]
        wrong = [check for check in checks if check.state != "ok"]
        if wrong:
            missing = "; ".join(f"{check.name} {check.text}" for check in wrong)
            lack = EXTRAS.get(name, "what it is for cannot be used")
            yield Check("extras", name, "note", f"{lack} ({missing})", remedy)
        else:
            yield Check("extras", name, "ok", ", ".join(f"{check.name} {check.text}" for check in checks))


def _extra(requirement: Requirement, names: Iterator[str] | list[str] | tuple[str, ...]) -> str | None:
    """Return the extra, of those named, that a requirement is for; ``None`` if it is for all; ``""`` if for others."""
    if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
        return None
    return next((name for name in names if requirement.marker.evaluate({"extra": name})), "")


def _check(topic: str, requirement: Requirement, wrong: State, remedy: str) -> Check:
    try:
        there = version(requirement.name)
    except PackageNotFoundError:
        return Check(topic, requirement.name, wrong, "is missing", remedy)
    bound = str(requirement.specifier)
    if bound and not requirement.specifier.contains(there, prereleases=True):
        return Check(topic, requirement.name, wrong, f"{there} is not {bound}, which is tested", remedy)
    reason = _why_not_imported(requirement.name)
    if reason is not None:
        text = f"{there} cannot be imported ({reason})"
        return Check(topic, requirement.name, wrong, text, f"pip install --force-reinstall '{_plain(requirement)}'")
    return Check(topic, requirement.name, "ok", f"{there} ({bound or 'any version'})")


def _why_not_imported(name: str) -> str | None:
    """Return why the modules of a distribution cannot be imported; ``None`` where they can."""
    wanted = canonicalize_name(name)
    modules = _modules().get(wanted, [])
    for module in modules if len(modules) == 1 else [known for known in modules if canonicalize_name(known) == wanted]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import_module(module)
        except Exception as error:  # whatever a package raises when its libraries do not fit
            return next(iter(str(error).splitlines()), "") or type(error).__name__
    return None


@cache
def _modules() -> Mapping[str, list[str]]:
    """Return the public modules of every distribution, by its canonical name; to look for them takes a second."""
    modules: dict[str, list[str]] = defaultdict(list)
    for module, owners in packages_distributions().items():
        if module.isidentifier() and not module.startswith("_"):
            for owner in owners:
                modules[str(canonicalize_name(owner))].append(module)
    return modules


def _plain(requirement: Requirement) -> str:
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}"


__all__ = ["DEVELOPERS", "EXTRAS", "check_extras", "check_packages"]
