"""The benchmark: rq-scheduler beside its peers and beside a bare script, on one machine in one run (`make bench`)."""
