"""The words of `rq_scheduler.humanize`, under the name that the views know them by."""

from rq_scheduler.humanize import NONE, counted, distance, length, moment, moves_words, trigger_words, when

__all__ = ["NONE", "counted", "distance", "length", "moment", "moves_words", "trigger_words", "when"]
