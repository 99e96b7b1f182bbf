"""Text stage of pretraining: a text encoder whose words know the word that follows."""

from pathlib import Path

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from transformers import UMT5Config, UMT5EncoderModel

from ttom_pl.io.ranges import check_range
from ttom_pl.io.whole_files import replacing_in
from ttom_pl.sprites.tokenizer import make_tokenizer


def make_text_encoder(text_dim: int = 64, text_layers: int = 2) -> UMT5EncoderModel:
    """Build an untrained encoder of the Sprites captions, four heads wide.

    Args:
        text_dim: channels.
        text_layers: layers.
    """
    tokenizer = make_tokenizer()
    return UMT5EncoderModel(
        UMT5Config(
            vocab_size=len(tokenizer),
            d_model=text_dim,
            d_kv=text_dim // 4,
            d_ff=2 * text_dim,
            num_layers=text_layers,
            num_heads=4,
            dropout_rate=0.0,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


def embed(text_encoder: UMT5EncoderModel, input_ids: Tensor) -> Tensor:
    """Return the text embeddings (B, L, D) of token ids (B, L), zero at the padding, as ``WanPipeline`` does."""
    mask = input_ids.ne(text_encoder.config.pad_token_id)
    hidden: Tensor = text_encoder(input_ids, mask.long()).last_hidden_state
    return hidden * mask.unsqueeze(-1)


class SpritesText(LightningModule):
    """Train the ``UMT5EncoderModel`` on captions alone: from a word's embedding, a linear layer names the next word.

    Flow matching alone leaves the text encoder a bag of words for long: it names each word and not its phrase, so that
    colours and shapes of two objects go astray. What follows the next word (a motion, for a colour) is not asked for.

    Args:
        pipeline: folder whose ``text_encoder/`` is written at the end of the training.
        text_dim: channels of the text encoder.
        text_layers: layers of the text encoder.
        lr: peak learning rate of AdamW; it falls linearly to zero.
        start_from: ``WanPipeline`` folder whose text encoder is trained further; sizes are then its own.
        keep_weight: weight of the squared distance from the embeddings of ``start_from``, so that a transformer that
            listens to these stays valid.
    """

    def __init__(
        self,
        pipeline: Path,
        text_dim: int = 64,
        text_layers: int = 2,
        lr: float = 3e-3,
        start_from: Path | None = None,
        keep_weight: float = 1.0,
    ) -> None:
        super().__init__()
        check_range("text_dim", text_dim, least=1)
        check_range("text_layers", text_layers, least=1)
        check_range("lr", lr, above=0)
        check_range("keep_weight", keep_weight, least=0)
        self.save_hyperparameters()
        self.pipeline = pipeline
        self.lr = lr
        self.keep_weight = keep_weight
        self.start: UMT5EncoderModel | None = None
        if start_from is None:
            self.text_encoder = make_text_encoder(text_dim, text_layers)
        else:
            self.text_encoder = UMT5EncoderModel.from_pretrained(start_from / "text_encoder")
            self.start = UMT5EncoderModel.from_pretrained(start_from / "text_encoder").requires_grad_(False)
        self.head = nn.Linear(self.text_encoder.config.d_model, self.text_encoder.config.vocab_size)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """Return the loss of token ids (B, L)."""
        embeds = embed(self.text_encoder, batch)
        logits = self.head(embeds[:, :-1]).transpose(1, 2)
        loss = F.cross_entropy(logits, batch[:, 1:], ignore_index=self.text_encoder.config.pad_token_id)
        self.log("next_word", loss, prog_bar=True)
        if self.start is not None:
            moved = F.mse_loss(embeds, embed(self.start, batch))
            self.log("moved", moved, prog_bar=True)
            loss = loss + self.keep_weight * moved
        return loss

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW, with the schedule over the whole training."""
        optimizer = torch.optim.AdamW([*self.text_encoder.parameters(), *self.head.parameters()], lr=self.lr)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_train_end(self) -> None:
        """Write the text encoder."""
        with replacing_in(self.pipeline / "text_encoder") as unfinished:
            self.text_encoder.eval().save_pretrained(unfinished)
