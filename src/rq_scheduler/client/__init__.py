"""What applications call: `Scheduler`, with 0.14's methods, `scheduler.schedules` and `scheduler.quarantine`.

`scheduler.py` is the face; the files beside it own one matter each: construction, locks and life (`base`), times
(`times`), the keywords of a call (`keywords`), recurring jobs (`recurring`), bulk (`bulk`, `prototype`). `health` and
`upgrade` read one Redis as a whole. Stands on the store; knows nothing of the dispatcher's loop.
"""
