"""Bounds and times of the shells, each with its reason. Sizes are bytes, times seconds."""

from __future__ import annotations

from typing import Final

from logan.limits import KIB, MIB

PORT_DEFAULT: Final = 8000
"""The port that a coordinator listens on by default."""

CONNECTIONS_MAX: Final = 256
"""Workers and clients of one coordinator; more would need more descriptors than shells allow."""

CLIENTS_MAX: Final = 128
"""Clients among `CONNECTIONS_MAX`: the other places are reserved for workers. When they are taken,
the client that has been idle for longest makes room."""

UNAUTHENTICATED_MAX: Final = 128
"""Connections in their handshake, besides `CONNECTIONS_MAX`. When more arrive, the network with
most of them, and in it the address with most, makes room: so a flood evicts itself. Of that address
the oldest connection goes, at a step of the handshake that holds more than a fourth of them. A
worker 1,000 ms away, whose first bytes follow right after its connection, is evicted only if dozens
of others from its own address go through the same steps in the seconds that these take."""

IPV6_NETWORK_BITS: Final = 64
"""Bits of an IPv6 address that name the network: its users choose the rest at will."""

EVICTION_S_MAX: Final = 0.05
"""How long an evicted connection has to receive the reason."""

HANDSHAKE_S_MAX: Final = 5.0
"""The coordinator's bound from HELLO to WELCOME: three trips, enough for a worker 1,000 ms away."""

INTRODUCTION_S_MAX: Final = 8.0
"""The peer's bound from HELLO to WELCOME: longer than the coordinator's by more than a trip, so a
worker does not give up while its WELCOME is under way, which would lose its first leases."""

CONNECT_S_MAX: Final = 1.0
"""One attempt to connect; a partition that healed must be noticed soon."""

RESEND_S_MAX: Final = 1.0
"""Between two tries of the system to get bytes through. Its own pauses double: a link that was
down for three seconds would be silent for another three after it healed."""

RECONNECT_PAUSE_S_MIN: Final = 0.05
RECONNECT_PAUSE_S_MAX: Final = 1.0
"""From one attempt to the next; doubles from the minimum to the maximum, with jitter. It includes
the time that the attempt took, so that a network that healed is noticed within a second."""

WRITE_BYTES_ENOUGH: Final = 16 * KIB
"""Frames are written together until they have so many bytes: the next waits for its turn, and a
heartbeat may pass it."""

WRITE_S_MAX: Final = 15.0
"""One write, hardly more than a frame: at 256 KiB this asks for 140 kbit/s. A peer that reads
nothing is let go."""

INLINE_BYTES_MAX: Final = 64 * KIB
"""Summaries up to this size are looked at and merged at once: that takes less time than going to a
thread and coming back, and far less than a heartbeat."""

COMMIT_PAUSE_S: Final = 0.03
"""From one commit to the next while more results are expected: those that arrive in between share
it. Short enough that no worker has more results under way than it may."""

RECEIVE_BYTES_MAX: Final = 64 * KIB
"""One read from a socket."""

QUEUED_MESSAGES_MAX: Final = 8192
"""Messages that wait to be written. Each is a line; a peer this far behind does not read."""

QUEUED_BODY_BYTES_MAX: Final = 4 * MIB
"""Bytes of bodies that wait to be written; a sender with more waits for room."""

READ_BARRIER_S_MAX: Final = 0.5
"""How long what waits in sockets is read, at most, before a lease may run out."""

READ_BARRIER_PASSES: Final = 4
"""Rounds of all tasks without a read, after which the sockets count as drained."""

READ_BARRIER_PAUSE_S: Final = 0.005
"""How often to check whether the results that wait have been verified."""

HEARD_S_MIN: Final = 0.1
"""How often bytes of one session are reported as a sign of life."""

EVENTS_KEPT_MAX: Final = 256
"""Joins, losses and recoveries that are remembered for clients."""

EVENTS_SENT_MAX: Final = 64
"""Events in one PROGRESS or STATE."""

EVENT_CHARS_MAX: Final = 4_000
"""Characters of an event's text, which may quote a path or a message of a peer."""

RECOVERIES_KEPT_MAX: Final = 1_000
"""Recoveries in one report; of a job with more the report has the number."""

ALARMS_KEPT_MAX: Final = 100
"""Alarms in one report: the first ones show what the others mean."""

PROGRESS_S: Final = 0.25
"""How often a client hears of its job."""

JOBS_MAX: Final = 64
"""Jobs at once; each may have a merge tree in memory."""

ENDED_JOBS_MAX: Final = JOBS_MAX
"""Ended jobs whose reports are kept in memory: as many as can have been running together."""

ENDED_BYTES_MAX: Final = 64 * MIB
"""All compressed reports together that no client has received so far."""

CLAIMED_BYTES_MAX: Final = 2 * MIB
"""All compressed reports together that a client has received, and may ask for again."""

RETURN_S_MAX: Final = 5.0
"""How long a client that comes back to a job of files on workers waits for these to be back."""

FETCH_PIECE_BYTES: Final = 256 * KIB
"""One DATA: as much as a frame takes."""

FETCH_BYTES: Final = 2 * MIB
"""What a worker asks for at a time, twice, so that the link never idles."""

LOOK_BACK_BYTES_MAX: Final = 64 * KIB
"""How far before its chunk a scan may look."""

TAIL_BYTES_MAX: Final = 2 * MIB
"""How far behind its chunk a scan may read: the last line counts to 1 MiB."""

TAIL_PIECE_BYTES: Final = 64 * KIB
"""Fetched at a time behind a chunk, until its last line ends."""

SEARCH_S_MAX: Final = 10.0
"""How long workers may look for files."""

LINGER_S_MAX: Final = 2.0
"""How long an end waits for peers to take what was sent to them."""

DRAIN_S_MAX: Final = 30.0
"""How long a coordinator that stops waits for leases that are out."""

REPORT_S_MAX: Final = 10.0
"""How long a coordinator that stops makes and sends the reports of what was done so far."""

RESUBMIT_S_MAX: Final = 60.0
"""How long a client tries to get on with its job, over all connections together, while nothing more
of it is done; and how long a job whose client's connection broke waits for it to come back."""

ANSWER_S_MAX: Final = 15.0
"""How long a client waits for what a coordinator answers at once, such as STATUS."""

CLIENT_SILENCE_LEASES: Final = 3
"""For how many leases client and coordinator may hear nothing of each other. More than one: a
client that gives up too early has its job begun anew."""

CLIENT_IDLE_S_MAX: Final = 30.0
"""How long a client may be connected without an open request."""

HOPELESS_S_MIN: Final = 5.0
"""How long a source that none of the workers may read, or find, waits for one that can."""

OUTAGE_S_MIN: Final = 60.0
"""The same where they cannot reach it: a server may come back."""
