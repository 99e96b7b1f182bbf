"""All checks, one after the other; a topic that cannot be looked at is a check, too."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from ttom_pl.doctor.check import Check
from ttom_pl.doctor.devices import check_attention, check_devices
from ttom_pl.doctor.disks import check_disks
from ttom_pl.doctor.packages import check_extras, check_packages

TOPICS = ("packages", "extras", "devices", "attention", "disks")
"""What is looked at, in this order."""


def examine(out: Path) -> list[Check]:
    """Look at everything; nothing is written, downloaded or sent.

    Args:
        out: where runs are to go.
    """
    looks: Mapping[str, Callable[[], Iterator[Check]]] = {
        "packages": check_packages,
        "extras": check_extras,
        "devices": check_devices,
        "attention": check_attention,
        "disks": partial(check_disks, out),
    }
    return [check for topic in TOPICS for check in _checks(topic, looks[topic])]


def _checks(topic: str, look: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from look()
    except Exception as error:  # what a broken package raises when it is imported or asked
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        yield Check(topic, topic, "broken", f"cannot be looked at: {reason}", "mend the packages that are broken first")


__all__ = ["TOPICS", "examine"]
