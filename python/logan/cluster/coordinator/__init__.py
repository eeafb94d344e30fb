"""The coordinator: plans jobs, leases their chunks to workers, and keeps and merges the results."""
