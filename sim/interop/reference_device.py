#!/usr/bin/env python3
"""The reference system's device, written from its description: one survey file, one datagram, one reply."""
import argparse
import socket
import sys
import time

BUFFER = 4096


def message(address, path):
    """Each line of the file behind the address, with one more newline; a line keeps its own."""
    with open(path, encoding="utf-8") as file:
        return "".join(f"{address} {line}\n" for line in file)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--id", required=True)
    arguments.add_argument("--survey", required=True)
    arguments.add_argument("--host", default="localhost")
    arguments.add_argument("--port", type=int, default=10005)
    arguments = arguments.parse_args()

    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    # The original waits for ever; a test must end.
    client.settimeout(30)
    try:
        data = message(arguments.id, arguments.survey).encode("utf-8")
        began = time.monotonic()
        client.sendto(data, (arguments.host, arguments.port))
        print(f"sent {len(data)} bytes")
        reply, _ = client.recvfrom(BUFFER)
        print(f"reply: {reply.decode('utf-8')} ({len(reply)} bytes)")
        print(f"took {time.monotonic() - began} s, buffer {BUFFER} bytes")
    except OSError as error:
        print(f"error: {error}")
        return 1
    finally:
        client.close()
    return 0


sys.exit(main())
