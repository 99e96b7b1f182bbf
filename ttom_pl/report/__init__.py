"""A run as one page: what was asked, what was seen, what the memory did, what it cost."""

from ttom_pl.report.page import keep_card, write_page, write_report

__all__ = ["keep_card", "write_page", "write_report"]
