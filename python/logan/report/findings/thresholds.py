"""What makes a finding, in one place: every number that decides, and why it has that value.

Two tests must agree before anything is reported. A change must matter (so many events, so much more
than before), and it must be beyond what the log itself does by chance (a likelihood ratio, divided
by the dispersion that is measured in the rest of the log). The first keeps large logs from
reporting what calls for no action, the second keeps small ones from reporting noise.
"""

from __future__ import annotations

import math
from typing import Final

BUCKETS_MIN: Final = 30
"""Non-empty buckets of a log that is judged at all: fewer show no baseline."""

INSIDE_BUCKETS_MIN: Final = 3
"""Buckets of an interval: one or two high buckets are what cron jobs and batches look like."""

OUTSIDE_BUCKETS_MIN: Final = 5
"""Buckets of the baseline."""

EVENTS_MIN: Final = 20
"""Events (errors, measured requests, expected requests) inside an interval."""

BUCKET_EVENTS_MIN: Final = 20
"""Events that a bucket is expected to have: its edges are stated to such a bucket."""

EDGE_EVENTS_MIN: Final = 3
"""Additional errors that a bucket is expected to have inside an interval: with fewer, one in twenty
intervals begins with a bucket that has none, and its edges are not known to such a bucket."""

ERRORS_TIMES_MIN: Final = 2.0
ERRORS_POINTS_MIN: Final = 0.01
"""Errors: twice the share, and a point more. A share of more than a half cannot double: half of
what did not fail counts as well."""

ERRORS_PER_TIME_MIN: Final = 1.5
"""Errors per time, too, grow by this: a share also rises when other records are not logged."""

LATENCY_TIMES_MIN: Final = 1.25
LATENCY_LOG_MIN: Final = 256 * math.log2(LATENCY_TIMES_MIN)
"""Response times of a route (geometric mean), and in the unit of their logarithms. 1.3 is what
counts; it is measured as 1.25+."""

TRAFFIC_TIMES_MIN: Final = 1.5
"""Traffic of an interval, against what lies beside it, that is looked at at all."""

TRAFFIC_HALF: Final = 2.0
TRAFFIC_Z: Final = 1.64
"""Traffic downward: halved, as far as can be told. A half that is measured in clumped traffic may
come out as 1.7 or as 2.4 times less, so 2 must lie below the upper bound (95 %, one-sided)."""

TRAFFIC_TREND_BUCKETS: Final = 24
"""How far around an interval its trend is taken from: two lengths of the shortest one with a clear
baseline, and no more than a daily rhythm can be a polynomial of low degree over."""

TRAFFIC_TREND_DEGREE: Final = 3
"""Of that polynomial; it is kept to what a daily rhythm of ordinary size can do."""

SURGE_TIMES_MIN: Final = 2.0
"""Traffic upward. A peak of less is an everyday event."""

SILENCE_SHARE_MAX: Final = 0.1
"""Of records that are not requests: what is left of them where a log falls silent. One that has
fewer than `BUCKET_EVENTS_MIN` in a bucket is silent now and then."""

TRAFFIC_STEP_S_MAX: Final = 1_800
"""Longest bucket in which traffic is judged: in longer ones a ramp looks like a step."""

TRAFFIC_SECONDS_MIN: Final = 150
"""How long traffic must have changed: a restart without trouble takes up to two minutes. Three are
what counts; they are measured as two and a half or more."""

TRAFFIC_EDGE_MIN: Final = 1.7
TRAFFIC_EDGE_BUCKETS: Final = 8
TRAFFIC_NEAR_MIN: Final = 1.2
TRAFFIC_NEAR_BUCKETS: Final = 3
"""Traffic across each edge of an interval, over 8 buckets each way and over 3: a ramp that makes
1.6 times over 8 buckets, such as a daily rhythm does, makes less than 1.2 over 3. One standard
error less is enough, as a few clumped buckets tell no better."""

RHYTHM_OTHERS_MIN: Final = 2
RHYTHM_ALIKE_MIN: Final = 0.5
RHYTHM_SHARE_MAX: Final = 0.75
"""What comes back at the same time of day, or minute of the hour, is a rhythm: on at least two
other days (hours), and on half of all that the log has, the level is nearer to it than to that of
the whole log. What takes a longer share of a day (hour) has no time in it."""

PEAK_HOURS_MIN: Final = 8
PEAK_HOURS_SHARE_MIN: Final = 0.8
PEAK_PERIOD_BUCKETS_MIN: Final = 4
"""A peak at the same bucket of each hour, such as cron jobs make: in so many hours, and in this
share of them traffic exceeds its neighbors. It is neither dispersion nor an edge of an incident."""

LIKELIHOOD_MIN: Final = 38.0
"""Twice the log of the likelihood ratio, over the dispersion. By chance one interval in 1.4e9
exceeds it (chi-squared with one degree of freedom); about 2e5 intervals of 40 routes and 4 metrics
are tried in a log, so one log in some thousands has a finding by chance alone. The rest is reserve
for tails that are heavier than the dispersion tells."""

TRAFFIC_LIKELIHOOD_MIN: Final = 25.0
"""The same for traffic, of which there is one series and the edges are tested besides: two thousand
simulated series without an incident, of dispersion 1 to 200, had two findings at 22, none at 26
but for restarts."""

DISPERSION_BLOCKS_MIN: Final = 4
"""Blocks that are compared to measure the dispersion at a length of time."""

DISPERSION_EVENTS_MIN: Final = 5
"""Events that a block is expected to have, so that squares of counts mean something."""

ROUTES_MAX: Final = 40
"""Routes that are judged on their own: those with the most requests and the most errors."""

INTERVALS_MAX: Final = 3
"""Intervals found in one series."""

SEARCHES_MAX: Final = 12
"""Parts of a series that are searched."""

MESSAGE_COUNT_MIN: Final = 5
MESSAGE_CHANCE_MAX: Final = 1e-5
"""A message (WARN and above) that is new or gone: how often it must occur, and the chance, over all
messages together, that one which may occur at any time stays away so long."""

TOGETHER_S: Final = 60
"""Seconds within which messages and errors that begin are one event: connections time out."""

MESSAGE_LATE_MIN: Final = 0.1
"""Share of the log's records before (after) which a message must be absent; to be new (gone) it
must go on (have been there) within as much of the other end."""

MESSAGE_GONE_MIN: Final = 0.25
"""Share of the log, by records and by time, which a message that is gone must be absent, and share
of its time in which it was there: messages come in clumps, of which only the ends are known."""

CONCENTRATION_SHARE_MIN: Final = 0.5
CONCENTRATION_FAILS_MIN: Final = 0.5
"""One route carries the errors all along: this share of all errors, and of its requests fail."""

ROWS_JUDGED_MAX: Final = int(1 / CONCENTRATION_SHARE_MIN)
"""Rows of a table that can each have such a share of its errors: no others need be looked at."""

CONCENTRATION_EVENTS_MIN: Final = 30

RETRIES_TIMES_MIN: Final = 1.8
RETRIES_FAIL_MIN: Final = 0.2
"""Requests of a route while this share of them fails, against the time beside and against all other
routes: a client that tries again at once sends twice as many; they are measured as 1.8 or more."""

CLIENT_ERRORS_MIN: Final = 100
CLIENT_ERRORS_OF_ALL_MIN: Final = 0.01
CLIENT_ERRORS_TIMES_MIN: Final = 3.0
CLIENT_ERRORS_STATUS_MIN: Final = 0.8
"""Client errors (4xx) of one client or route: so many, this share of all requests at least, and so
many times the share that others have. Every public server has some of them every day. A status is
named that this share of all client errors have."""

EDGE_LIKELIHOOD_MIN: Final = 3.0
"""The edges of a change of traffic are stated to so many buckets that one place is 20 times as
likely as the next (the log of 20 is 3): one in even traffic, more where it comes in clumps."""

EDGE_CHANCE_SHARE_MIN: Final = 0.95
"""Of the highest chance to be within a bucket of an edge, what is as good: then the place at which
the step is clearest is named."""

CLOCK_GAP_MIN_S: Final = 26 * 3_600
"""One clock far from the others: time zones differ by at most 26 hours, and are not clocks."""

CLOCK_SHARE_MAX: Final = 0.25
"""A larger part of the records is another period of the log, not a wrong clock."""

MALFORMED_SHARE_MIN: Final = 0.05
MALFORMED_LINES_MIN: Final = 20

TRAFFIC_FILLED_MIN: Final = 0.5
"""Share of the buckets between first and last that are not empty; traffic of a log with more gaps
than that has no usual level."""

SHOWN_MAX: Final = 5
"""Findings in a report."""

EXPLAINS_SHARE_MIN: Final = 0.5
"""Share of the additional events that a value must carry to explain an interval: its support."""

EXPLAINS_COVERED_MIN: Final = 0.33
"""Share of the errors that must have a field at all, for a value of it to explain them."""

EXPLAINS_RISK_MIN: Final = 1.5
"""Risk ratio that a value must have at least, at the lower end of its confidence interval."""

EXPECTED_OF_WRONG_MIN: Final = 0.05
"""Share of what is wrong inside that values are expected to have by their records alone. Before
most bursts of 429 or 401 there was none of them: what is compared with nothing is only how many
records a value has."""

EXPLAINS_LIFT_MIN: Final = 1.1
"""How many times its share of all records outside a value must have of what is wrong inside."""

CONFIDENCE_Z: Final = 2.58
"""Of the confidence bounds of risk ratios: 99 %, as some dozens of values are compared."""

JOINS_SHARE_MIN: Final = 0.8
"""Support that a second value needs among the records of the first to be named beside it."""

EQUAL_STRENGTH_MIN: Final = 0.95
"""Of the best explanation's strength: values that explain as well as it does."""

EQUAL_SHARES_MAX: Final = 0.01
"""Difference of shares, inside and outside, up to which two values are those of the same records: a
client that alone uses a user agent."""

WHERE_MAX: Final = 3
"""Values named for a finding."""

VALUES_MAX: Final = 1_000
"""Values of a field that are compared: the most frequent ones of the standard fields; a key of the
log's own with more names single records, and is left out."""

READ_AGAIN_BYTES: Final = 64 * 1024 * 1024
"""Bytes that second passes may read of any log: some hundredths of a second."""

READ_AGAIN_ONE_IN: Final = 2
"""Of so many bytes of a larger log they may read one, so that a report costs at most half as much
again. An explanation is a dozen small jobs over an interval and its reference."""

EXPLAINED_MAX: Final = 3
"""Findings that are explained by a second pass."""
