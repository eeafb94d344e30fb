"""Who works on what: a pure state machine. It knows no sockets, no clock and no chance.

`Machine.handle(now, event) -> actions` is its one mutator; `events` and `actions` are its language.
"""
