"""What a script of `served` has for Python: asks for a copy of the serving process, and ends as the copy ends."""

import json
import os
import signal
import socket
import sys

for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
    signal.signal(number, signal.SIG_IGN)  # the copy is in the same group, and saves first
with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    given = {"arguments": sys.argv[2:], "folder": os.getcwd(), "environment": dict(os.environ)}
    socket.send_fds(server, [b" "], [0, 1, 2])
    server.sendall(json.dumps(given).encode())
    server.shutdown(socket.SHUT_WR)
    ended = server.makefile().readline()
code = int(ended or -signal.SIGKILL)
sys.exit(code if code >= 0 else 128 - code)
