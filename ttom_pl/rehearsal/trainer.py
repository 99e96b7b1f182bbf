"""What a Trainer may be set to for a stream: what would change or break the fit without a word is refused by name."""

from collections.abc import Iterator

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import (
    BaseFinetuning,
    BatchSizeFinder,
    Checkpoint,
    EarlyStopping,
    GradientAccumulationScheduler,
    LearningRateFinder,
    LearningRateMonitor,
    ModelPruning,
    StochasticWeightAveraging,
    Timer,
    WeightAveraging,
)
from lightning.pytorch.strategies import SingleDeviceStrategy

_ENDS = "a rehearsal ends by model.stop_loss and model.iterations"
_CALLBACKS: dict[type[Callback], str] = {
    EarlyStopping: _ENDS,
    Timer: f"it would cut a rehearsal short; {_ENDS}, and Ctrl-C stops a stream that then goes on",
    Checkpoint: "what is learnt is kept by the memory, and a stream goes on by its results",
    GradientAccumulationScheduler: "an iteration makes its update from its own gradient",
    StochasticWeightAveraging: "what is remembered is a mean over the guided steps already",
    WeightAveraging: "what is remembered is a mean over the guided steps already",
    BaseFinetuning: "the model stays frozen; model.loss_blocks and model.rank tell what is adapted",
    ModelPruning: "the model stays frozen",
    BatchSizeFinder: "there is one prompt at a time",
    LearningRateFinder: "give model.lr",
}

REFUSED = frozenset(
    "strategy num_nodes precision accumulate_grad_batches gradient_clip_val fast_dev_run overfit_batches "
    "limit_train_batches max_steps".split()
)
"""Settings of which :func:`check_trainer` takes nothing but the default."""
IDLE = frozenset(
    "gradient_clip_algorithm limit_val_batches limit_test_batches limit_predict_batches val_check_interval "
    "check_val_every_n_epoch num_sanity_val_steps use_distributed_sampler sync_batchnorm "
    "reload_dataloaders_every_n_epochs".split()
)
"""Settings that change nothing: of validation, of several processes, of what is refused."""


def why_not(kind: type[Callback], logs: bool) -> str | None:
    """Return why a stream cannot use callbacks of a kind; ``None`` where it can.

    Args:
        kind: the class.
        logs: whether there is a logger.
    """
    if issubclass(kind, LearningRateMonitor) and not logs:
        return "it writes to a logger; set trainer.logger"
    return next((text for refused, text in _CALLBACKS.items() if issubclass(kind, refused)), None)


def check_trainer(trainer: Trainer) -> None:
    """Check that the fits of a trainer are the rehearsals of a stream, an epoch for each guided step.

    Raises:
        ValueError: for the first setting or callback that would change them; the message says what to do.
    """
    for name, value, remedy in _wrong_settings(trainer):
        raise ValueError(f"trainer.{name} is {value}, and a stream cannot use it: {remedy}")
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    for callback in callbacks:
        reason = why_not(type(callback), bool(trainer.loggers))
        if reason is not None:
            raise ValueError(
                f"a stream cannot use the callback {type(callback).__name__}: {reason}; "
                "take it out of trainer.callbacks"
            )
    once = [type(callback).__name__ for callback in callbacks if getattr(callback, "once", False)]
    for name in once:
        if once.count(name) > 1:
            raise ValueError(f"the callback {name} is there {once.count(name)} times; list it once")


def _wrong_settings(trainer: Trainer) -> Iterator[tuple[str, object, str]]:
    if trainer.world_size != 1 or trainer.num_nodes != 1:
        name, value = ("devices", trainer.num_devices) if trainer.num_nodes == 1 else ("num_nodes", trainer.num_nodes)
        reason = f"the trainer has {trainer.world_size} processes, each of which would serve every prompt; set it to 1"
        yield name, value, reason
    if not isinstance(trainer.strategy, SingleDeviceStrategy):
        yield "strategy", type(trainer.strategy).__name__, "one process serves the stream; leave it out"
    if str(trainer.precision) != "32-true":
        remedy = (
            "the adapter is optimised in float32 whatever the model's precision; leave it out, and set "
            "model.backbone.init_args.dtype"
        )
        yield "precision", trainer.precision, remedy
    if trainer.accumulate_grad_batches != 1:
        yield "accumulate_grad_batches", trainer.accumulate_grad_batches, "an iteration makes one update; leave it out"
    if trainer.gradient_clip_val is not None:
        yield "gradient_clip_val", trainer.gradient_clip_val, "AdamW bounds an update by model.lr; leave it out"
    for name, remedy in (
        ("fast_dev_run", "to try a stream, set data.limit and model.guided_steps"),
        ("overfit_batches", "leave it out"),
    ):
        if getattr(trainer, name, False):
            yield name, getattr(trainer, name), remedy
    if trainer.limit_train_batches not in (None, 1.0):
        yield "limit_train_batches", trainer.limit_train_batches, "set model.iterations"
    if trainer.max_steps != -1:
        yield "max_steps", trainer.max_steps, "set model.guided_steps and model.iterations"
