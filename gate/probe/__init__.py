"""The HTTP client that observes a target, its budget, and SQL probes. Nothing in here judges."""
