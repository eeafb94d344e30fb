"""Files on hosts that have no logan, read over the system's ssh; `files` says who does what."""
