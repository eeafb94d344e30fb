"""The line protocol, sans-IO: bytes in, messages out. No sockets, no trio, no clock.

`messages` are the verbs, `bodies` what their JSON holds, `schema` the types of both; `codec` writes
and reads them, `auth` authenticates both sides, `connection` holds what may come when.
"""
