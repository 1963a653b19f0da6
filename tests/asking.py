"""Questions to the servers that tests start. Without certificates, which would take 40 ms each time to be read."""

from functools import partial

import httpx

get = partial(httpx.get, verify=False)
stream = partial(httpx.stream, verify=False)
