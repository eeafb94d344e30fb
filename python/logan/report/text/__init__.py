"""The text report: `layout` puts the page together, the other modules draw its parts.

Importing this package loads nothing; `layout`, `widgets` and `workers` need rich, which the other
outputs do without.
"""
