"""Saved analyses: the metrics of a run with all that its report needs, in one file.

`container` is the bytes, `saved` what is in them and how they add up, `paths` tells saved analyses
from logs. Knows no engine and no terminal.
"""
