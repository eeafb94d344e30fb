"""Passes on so many bytes from standard input to standard output; then ends, or waits for a file,
with a file FILE.waits beside it meanwhile. Ends, too, when what it wrote to has closed.

    python relay.py BYTES [FILE]
"""

import contextlib
import os
import select
import sys

left = int(sys.argv[1])
while left > 0 and (data := os.read(0, min(left, 65_536))):
    left -= len(data)
    while data:
        data = data[os.write(1, data) :]
if len(sys.argv) > 2:
    with contextlib.suppress(OSError):
        os.close(os.open(f"{sys.argv[2]}.waits", os.O_CREAT | os.O_WRONLY))
    readers = select.poll()
    readers.register(1, 0)  # only that the other end was closed
    while not os.path.exists(sys.argv[2]):
        if readers.poll(20):
            sys.exit(1)
    while data := os.read(0, 65_536):
        while data:
            data = data[os.write(1, data) :]
