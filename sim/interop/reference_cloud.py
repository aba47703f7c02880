#!/usr/bin/env python3
"""The reference system's cloud, written from its description: one connection, one read, one reply."""
import argparse
import socket
import sys

BUFFER = 4096


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--host", default="localhost")
    arguments.add_argument("--port", type=int, default=8001)
    arguments = arguments.parse_args()

    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((arguments.host, arguments.port))
    server.listen(1)
    print("ready", flush=True)
    gateway, address = server.accept()
    print(f"gateway {address[0]} is connected")
    try:
        text = gateway.recv(BUFFER).decode("utf-8")
        print(text)
        gateway.send(b"Surveys received")
    except OSError:
        gateway.send(b"An error is occurred")
        return 1
    finally:
        gateway.close()
        server.close()
    return 0


sys.exit(main())
