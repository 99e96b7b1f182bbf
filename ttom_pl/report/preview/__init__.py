"""Pictures of layouts, so that a person sees what will be asked of the model."""

from ttom_pl.report.preview.plans import Plan, plan_sheet, write_gif, write_preview

__all__ = ["Plan", "plan_sheet", "write_gif", "write_preview"]
