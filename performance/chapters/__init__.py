"""The chapters of docs/performance.md's measurements: each takes a `bench.Bench` and returns its parts."""
