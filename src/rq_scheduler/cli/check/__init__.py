"""`rqscheduler check`: what an upgrade from 0.14 will do to the data that stands in this Redis. Writes nothing."""
