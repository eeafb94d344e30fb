"""Logs with planted incidents and their truth, and quiet logs that only look as if."""
