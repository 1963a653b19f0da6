"""Declared where the application is; imported by commands and checks alone."""

from django_shop.orders import tasks
from django_shop.orders.tasks import push_id
from rq_scheduler import Every
from rq_scheduler.contrib.django import register


@register("remind", Every(1), tags=("mails",))
def remind() -> None:
    push_id("reminded")


register("invoice", "0 9 * * mon-fri", args=(4711,))(tasks.invoice)
