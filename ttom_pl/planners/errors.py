"""What can go wrong when a prompt is planned."""


class PlanningError(ValueError):
    """A planner has no layout for a prompt; the message says why and what to do."""
