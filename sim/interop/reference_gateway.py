#!/usr/bin/env python3
"""The reference system's gateway, written from its description: four datagrams, then one upload."""
import argparse
import socket
import sys
import time

BUFFER = 4096
DEVICES = 4


def collect(host, port):
    """The text of one datagram a device; each is answered at once, and nothing is safe yet."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((host, port))
    text = ""
    for _ in range(DEVICES):
        data, device = server.recvfrom(BUFFER)
        text += data.decode("utf-8")
        print(f"received {len(data)} bytes")
        print(text)
        server.sendto(b"Surveys arrived", device)
    server.close()
    return text


def upload(host, port, text):
    """Everything in one go; the sending side stays open until the reply is there."""
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.settimeout(30)
    try:
        client.connect((host, port))
    except OSError as error:
        print(f"error: {error}")
        print("Connection failed, try again.")
        return 1
    began = time.monotonic()
    client.send(text.encode("utf-8"))
    reply = client.recv(BUFFER)
    print(f"reply: {reply.decode('utf-8')} ({len(reply)} bytes)")
    print(f"took {time.monotonic() - began} s, buffer {BUFFER} bytes")
    client.close()
    return 0


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--host", default="localhost")
    arguments.add_argument("--port", type=int, default=10005)
    arguments.add_argument("--cloud-host", default="localhost")
    arguments.add_argument("--cloud-port", type=int, default=8001)
    arguments = arguments.parse_args()
    text = collect(arguments.host, arguments.port)
    return upload(arguments.cloud_host, arguments.cloud_port, text)


sys.exit(main())
