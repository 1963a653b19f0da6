"""A Flask application with the API in it, as gunicorn loads it: before it forks."""

import os

import redis
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from rq_scheduler import Scheduler
from rq_scheduler.web import Settings
from rq_scheduler.web.wsgi import create_wsgi_app

scheduler = Scheduler(connection=redis.Redis.from_url(os.environ.get("TEST_REDIS_URL", "redis://")))
jobs = create_wsgi_app(scheduler, Settings())

app = Flask(__name__)


@app.get("/")
def home() -> str:
    return "home"


app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/jobs": jobs})

# Asked before the fork, too: what that has started must not be waited for afterwards.
app.test_client().get("/jobs/health/live", headers={"host": "localhost"})
