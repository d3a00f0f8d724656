# SPDX-License-Identifier: Apache-2.0
"""Which server, which pin and which token a connection goes by: what
common/channel/access.cc decides for the programs, with the same reasons."""

from __future__ import annotations

import base64
import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Union

from .errors import ArchpoolError

PathText = Union[str, "os.PathLike[str]"]

PIN_PREFIX = "sha256:"
SYSTEM = "system"  # instead of a pin: this system's authorities decide
# Far more than a token has, and less than what gRPC takes as a header.
_LINE_BYTES_MAX = 1024
_FILE_BYTES_MAX = 4 * _LINE_BYTES_MAX
_UTF8_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Pin:
    """The SHA-256 of a certificate's public key."""

    key: bytes

    @staticmethod
    def parse(text: str) -> "Pin":
        """PIN_MALFORMED."""
        text = text.strip()
        rest = text.removeprefix(PIN_PREFIX)
        if rest != text:
            rest = rest.removesuffix("=")
            if re.fullmatch(r"[0-9a-fA-F]{64}", rest):
                return Pin(bytes.fromhex(rest))
            if re.fullmatch(r"[\w-]{43}", rest, re.ASCII):
                pin = Pin(base64.urlsafe_b64decode(rest + "="))
                # Several texts decode to the same bytes; one is right.
                if str(pin) == PIN_PREFIX + rest:
                    return pin
        raise ArchpoolError(
            "PIN_MALFORMED",
            f"{text[:100]!r} is no pin: a pin is sha256: and 43 letters, digits, - "
            "and _; the server's log shows it, and `archpool-server pin`")

    def __str__(self) -> str:
        text = base64.urlsafe_b64encode(self.key).decode().rstrip("=")
        return PIN_PREFIX + text


@dataclass(frozen=True)
class Trust:
    """What makes a server the right one: a pin, this system's authorities, or,
    on this machine alone, nothing (plain text)."""

    pin: Optional[Pin] = None
    source: str = ""  # where the pin stands, for people
    is_plaintext: bool = False


def _token_in(data: bytes, path: Path) -> str:
    def malformed(what: str) -> ArchpoolError:
        return ArchpoolError(
            "TOKEN_FILE_MALFORMED", f"the token file {path} {what}; save the token "
            "alone, as plain text")

    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise malformed("is UTF-16")
    line = data.partition(b"\n")[0]
    if len(line) > _LINE_BYTES_MAX:
        raise malformed(f"has more than {_LINE_BYTES_MAX} bytes in its first line")
    token = line.removeprefix(_UTF8_MARK).strip()
    if not token:
        raise ArchpoolError("TOKEN_FILE_EMPTY", f"the token file {path} has no "
                            "token in its first line")
    for place, byte in enumerate(token):
        if not 0x21 <= byte <= 0x7E:
            offset = data.index(token) + place
            raise malformed(f"has a character at byte {offset} (counted from 0) "
                            "that no token has")
    return token.decode("ascii")


def read_token_file(path: PathText) -> tuple[str, Optional[Pin]]:
    """The token in the first line, and the pin in the first later line that
    begins as one. TOKEN_FILE_MISSING, TOKEN_FILE_EMPTY, TOKEN_FILE_MALFORMED,
    TOKEN_FILE_PIN_MALFORMED."""
    path = Path(path)
    try:
        with open(path, "rb") as file:
            data = file.read(_FILE_BYTES_MAX)
    except OSError as error:
        raise ArchpoolError(
            "TOKEN_FILE_MISSING",
            f"the token file {path} cannot be read ({error.strerror}): name the file "
            "in which the account's token was saved") from error
    token = _token_in(data, path)
    for line in data.split(b"\n")[1:]:
        text = line.decode("utf-8", "replace").strip()
        if not text.startswith(PIN_PREFIX):
            continue
        try:
            return token, Pin.parse(text)
        except ArchpoolError as error:
            raise ArchpoolError(
                "TOKEN_FILE_PIN_MALFORMED", "the server's pin in the token file "
                f"{path} is none: {error.sentence}") from error
    return token, None


@dataclass(frozen=True)
class Address:
    """A server to call: a host and a port, or the path of a Unix socket."""

    host: str
    port: int = 0
    socket: str = ""

    @staticmethod
    def parse(text: str) -> "Address":
        """HOST:PORT, with an IPv6 address in brackets, or unix:PATH.
        ADDRESS_MALFORMED."""
        text = text.strip()
        if text.startswith("unix:") and len(text) > len("unix:"):
            return Address("", 0, text.removeprefix("unix:"))
        match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+)):(\d{1,5})", text,
                             re.ASCII)
        if match is None or not 1 <= int(match.group(3)) <= 65535:
            raise ArchpoolError(
                "ADDRESS_MALFORMED", f"the address {text[:200]!r} is none: give "
                "HOST:PORT, as in pool.example.org:7070 (an IPv6 address stands in "
                "brackets)")
        if match.group(1):
            try:
                ipaddress.IPv6Address(match.group(1))
            except ValueError as error:
                raise ArchpoolError(
                    "ADDRESS_MALFORMED", f"the address {text[:200]!r} is none: "
                    f"{error}") from error
        return Address(match.group(1) or match.group(2), int(match.group(3)))

    def __str__(self) -> str:
        if self.socket:
            return f"unix:{self.socket}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def is_here(self) -> bool:
        """Whether only this machine can reach it."""
        if self.socket or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def decide_trust(address: Address, server_pin: Optional[str], plaintext: bool,
                 found: Optional[Pin], token_file: PathText) -> Trust:
    """As ReadServerSite of the programs. PLAINTEXT_PUBLIC, SERVER_PIN_UNSET,
    PIN_MALFORMED."""
    if plaintext:
        if address.is_here():
            return Trust(is_plaintext=True)
        raise ArchpoolError(
            "PLAINTEXT_PUBLIC", f"plaintext is for servers on this machine, and "
            f"{address} may be elsewhere: the token would travel for all to read. "
            "Leave it out, and give the server's pin; its operator has it")
    stated = server_pin or os.environ.get("ARCHPOOL_SERVER_PIN")
    if stated == SYSTEM:
        return Trust()
    if stated:
        return Trust(Pin.parse(stated), "server_pin (or ARCHPOOL_SERVER_PIN)")
    if found is not None:
        return Trust(found, f"the token file {os.fspath(token_file)}")
    if address.is_here():
        raise ArchpoolError(
            "SERVER_PIN_UNSET", f"no pin is given for the server at {address}: "
            "`archpool-server pin --data-dir DIR` shows it, and the server's log; "
            "pass it as server_pin, or write it into the second line of the token "
            "file. (plaintext is for a server that was started with --plaintext)")
    return Trust()
