"""What a judge is."""

from abc import ABC, abstractmethod

from torch import Tensor

from ttom_pl.evaluation.judge.claims import Claims


class JudgeError(ValueError):
    """A judge has no verdict on a video; the message says why and what to do."""


class Judge(ABC):
    """Grades claims about videos.

    In YAML and on the command line the judge of this package goes by its class name (``class_path: LLMJudge``), others
    by their path.
    """

    @abstractmethod
    def grade(self, video: Tensor, claims: Claims) -> tuple[str, ...]:
        """Return a letter from A to E for each claim.

        Args:
            video: shape (F, 3, H, W), values in [0, 1].
            claims: what to grade.

        Raises:
            JudgeError: if there is no verdict.
        """
