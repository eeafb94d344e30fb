"""Logs on hosts that have no logan, followed over the system's ssh; see `follower`."""
