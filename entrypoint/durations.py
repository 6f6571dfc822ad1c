"""Durations in words."""

from __future__ import annotations


def format_duration(seconds: float) -> str:
    """Format seconds for people: "8 s", "3 min 20 s", "2 h 5 min"."""
    minutes, whole_seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole_seconds} s" if minutes else f"{whole_seconds} s"
