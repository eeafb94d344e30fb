"""A worker: leases chunks over one connection at a time, scans them, hands in the results."""
