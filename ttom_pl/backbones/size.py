"""How many pixels, latents and tokens go into one another."""

from dataclasses import dataclass

from ttom_pl.backbones.settings import Settings


@dataclass(frozen=True)
class Units:
    """What a model's latents and tokens are made of.

    Attributes:
        latent: frames and pixels per latent.
        token: latent frames, rows and columns per token.
    """

    latent: tuple[int, int]
    token: tuple[int, int, int]

    def latents(self, settings: Settings, num_frames: int) -> tuple[int, int, int]:
        """Return frames, rows and columns of the latents of a video of ``num_frames`` frames."""
        temporal, spatial = self.latent
        return (num_frames - 1) // temporal + 1, settings.height // spatial, settings.width // spatial

    def grid(self, settings: Settings, num_frames: int) -> tuple[int, int, int]:
        """Return frames, rows and columns (T, h, w) of the tokens of a video of ``num_frames`` frames."""
        (frames, rows, columns), (per, high, wide) = self.latents(settings, num_frames), self.token
        return frames // per, rows // high, columns // wide

    def check(self, settings: Settings) -> None:
        """Raise ``ValueError`` if the model cannot make videos of this size."""
        (temporal, spatial), (_, rows, columns) = self.latent, self.token
        if settings.height % (spatial * rows) or settings.width % (spatial * columns):
            raise ValueError(
                f"height × width is {settings.height} × {settings.width}; this model makes multiples of "
                f"{spatial * rows} × {spatial * columns}"
            )
        if (settings.num_frames - 1) % temporal:
            fitting = (settings.num_frames - 1) // temporal * temporal + 1
            raise ValueError(
                f"num_frames is {settings.num_frames}; this model makes a multiple of {temporal} and one, "
                f"e.g. {fitting}"
            )
