"""What others need to watch nextbest: a dashboard for Grafana, alerts for Prometheus, and their tests."""
