"""What regular runs keep between them, so that each reads only what is new: `--state DIR`.

`positions` says how far logs were counted and finds them again after rotation, `folder` keeps
positions and totals in one transaction, `growth` finds what is new, `run` analyzes it.
"""
