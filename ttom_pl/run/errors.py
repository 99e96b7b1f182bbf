"""What can be wrong with a run folder."""


class RunError(ValueError):
    """A run folder that cannot be used; the message says why and what to do."""
