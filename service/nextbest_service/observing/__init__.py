"""Who looks on at decisions and calls beside the metrics: lines in the log, traces."""
