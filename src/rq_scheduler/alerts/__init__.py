"""Alerts: people and programs are told of what happens (the extra [alerts]).

A dispatcher reads the stream of events for each receiver from a place that is remembered in Redis. Nothing of this is
imported, and nothing asked of Redis, by a dispatcher that has no alerts.
"""

from __future__ import annotations

from rq_scheduler.alerts.alerts import Alerts
from rq_scheduler.alerts.config import load_alerts
from rq_scheduler.alerts.receivers import Message, Receiver

__all__ = ["Alerts", "Message", "Receiver", "load_alerts"]
