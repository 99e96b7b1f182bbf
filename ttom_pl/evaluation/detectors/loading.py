"""Models that cannot be loaded, in a message that names them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def loading(pretrained: str | Path) -> Iterator[None]:
    """Say of a failure to load a model which one it is, and what to do.

    Raises:
        OSError: if the model cannot be loaded.
    """
    try:
        yield
    except OSError as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise OSError(
            f"the model {str(pretrained)!r} cannot be loaded ({reason}); "
            "give the folder of a model on this disk as 'pretrained', or download it first, e.g. by hf download"
        ) from None
