# SPDX-License-Identifier: Apache-2.0
"""A pooler in front of a PostgreSQL on TCP that hands out its connections by
transaction, as PgBouncer does with pool_mode=transaction: the one that was given
back last goes out first, and nothing of a session stays with its client."""

import select
import socket
import struct
import threading

LOOK_S = 0.05
SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
READY, IDLE = b"Z", b"I"


class Gone(Exception):
    """One end closed its connection."""


def receive(connection, count):
    data = b""
    while len(data) < count:
        chunk = connection.recv(count - len(data))
        if not chunk:
            raise Gone
        data += chunk
    return data


def receive_message(connection):
    """Its kind, and the whole of it."""
    head = receive(connection, 5)
    return head[:1], head + receive(connection, struct.unpack("!I", head[1:])[0] - 4)


def receive_startup(connection):
    """What a client says first, without length and what is about encryption."""
    while True:
        size, code = struct.unpack("!II", receive(connection, 8))
        rest = receive(connection, size - 8)
        if code not in (SSL_REQUEST, GSS_REQUEST):
            return struct.pack("!II", size, code) + rest
        connection.sendall(b"N")


class TransactionPooler:
    def __init__(self, upstream):
        """`upstream`: PostgreSQL's port on this machine, which asks for no
        password."""
        self.upstream = upstream
        self.lock = threading.Lock()
        self.idle = []  # PostgreSQL's connections
        self.greeting = b""  # what PostgreSQL says to whoever connects
        self.is_closing = False
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def close(self):
        self.is_closing = True
        for thread in self.threads:
            thread.join()
        self.listening.close()
        for server in self.idle:
            server.close()

    def _accept(self):
        while not self.is_closing:
            if not select.select([self.listening], [], [], LOOK_S)[0]:
                continue
            client, _ = self.listening.accept()
            self.threads.append(threading.Thread(target=self._serve,
                                                 args=(client,)))
            self.threads[-1].start()

    def _take(self, startup):
        with self.lock:
            if self.idle:
                return self.idle.pop()
        server = socket.create_connection(("127.0.0.1", self.upstream))
        server.sendall(startup)
        greeting = b""
        while True:
            kind, message = receive_message(server)
            greeting += message
            if kind == READY:
                break
        with self.lock:
            self.greeting = greeting
        return server

    def _give_back(self, server):
        with self.lock:
            self.idle.append(server)

    def _serve(self, client):
        server = None
        with client:
            try:
                startup = receive_startup(client)
                self._give_back(self._take(startup))
                client.sendall(self.greeting)
                while True:
                    if not self._wait(client):
                        return
                    kind, message = receive_message(client)
                    if kind == b"X":
                        return
                    server = server or self._take(startup)
                    server.sendall(message)
                    if kind in (b"Q", b"S") and self._answer(server, client):
                        self._give_back(server)
                        server = None
            except (Gone, OSError):
                pass
            finally:
                if server is not None:
                    server.close()

    def _wait(self, client):
        while not self.is_closing:
            if select.select([client], [], [], LOOK_S)[0]:
                return True
        return False

    @staticmethod
    def _answer(server, client):
        """All of it; whether the transaction has ended."""
        while True:
            kind, message = receive_message(server)
            client.sendall(message)
            if kind == READY:
                return message[5:6] == IDLE
