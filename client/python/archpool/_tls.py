# SPDX-License-Identifier: Apache-2.0
"""Knowing the pool's server by its pin.

gRPC for Python can be given authorities and the name to ask for, and nothing that
judges a certificate. So the certificates that the server shows are fetched in a
handshake of their own, in which nothing is sent; the one that has the pin becomes
the only authority that gRPC is given. Whoever answered the first handshake, gRPC
then connects to nobody but the holder of a key that the pinned one vouches for.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import select
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from ._access import Address, Pin, Trust
from .errors import ArchpoolError

# Of common/tls/certificate.h.
POOL_SERVER_NAME = "archpool-server.internal"
POOL_AUTHORITY_NAME = "archpool pool authority"
_HANDSHAKE_S = 10.0
_SYSTEM_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt",
                   "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


@dataclass(frozen=True)
class Credentials:
    """What a channel is made with; no `channel`: plain text."""

    channel: Optional[grpc.ChannelCredentials]
    target_name: str = ""  # asked for instead of the address's; "": the address's


def pin_of(certificate: x509.Certificate) -> Pin:
    key = certificate.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Pin(hashlib.sha256(key).digest())


def unreachable(address: Address, why: object) -> ArchpoolError:
    return ArchpoolError(
        "SERVER_UNREACHABLE", f"the server at {address} cannot be reached ({why}); "
        "check its address and try again", code="UNAVAILABLE")


def _shake(line: socket.socket, address: Address) -> list[x509.Certificate]:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_verify(SSL.VERIFY_NONE)  # what is shown is judged afterwards
    context.set_alpn_protos([b"h2"])
    line.setblocking(False)
    encrypted = SSL.Connection(context, line)
    if address.host and not address.is_here():
        encrypted.set_tlsext_host_name(address.host.encode("idna"))
    encrypted.set_connect_state()
    deadline = time.monotonic() + _HANDSHAKE_S
    while True:
        wants: tuple[list[socket.socket], list[socket.socket]]
        try:
            encrypted.do_handshake()
            break
        except SSL.WantReadError:
            wants = [line], []
        except SSL.WantWriteError:
            wants = [], [line]
        left = deadline - time.monotonic()
        if left <= 0 or not any(select.select(*wants, [], left)):
            raise TimeoutError("it did not answer in time")
    shown = encrypted.get_peer_cert_chain() or []
    return [one.to_cryptography() for one in shown]


def fetch_chain(address: Address) -> list[x509.Certificate]:
    """The certificates that the server shows, its own first.

    SERVER_UNREACHABLE (code UNAVAILABLE): nobody answers there, or not in TLS.
    """
    try:
        if address.socket:
            line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            line.settimeout(_HANDSHAKE_S)
            with line:
                line.connect(address.socket)
                return _shake(line, address)
        with socket.create_connection((address.host, address.port),
                                      timeout=_HANDSHAKE_S) as line:
            return _shake(line, address)
    except SSL.ZeroReturnError as error:
        raise unreachable(address, "it ended the connection") from error
    except SSL.SysCallError as error:
        raise unreachable(address, error.args[-1]) from error
    except SSL.Error as error:
        reasons = [one[-1] for one in error.args[0]] if error.args else []
        if any("wrong version number" in one or "packet length" in one
               for one in reasons):
            raise ArchpoolError(
                "SERVER_SPEAKS_PLAINTEXT", f"the server at {address} does not "
                "encrypt: nothing was sent to it. If it is on this machine and was "
                "started with --plaintext, connect with plaintext=True",
                code="UNAVAILABLE") from error
        raise unreachable(address, ", ".join(reasons) or "TLS failed") from error
    except (OSError, UnicodeError) as error:
        raise unreachable(address, error) from error


def _alternative_names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*names.get_values_for_type(x509.DNSName),
            *(str(one) for one in names.get_values_for_type(x509.IPAddress))]


def _common_name(certificate: x509.Certificate) -> str:
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _check_dates(chain: list[x509.Certificate], address: Address) -> None:
    """gRPC asks for the date, and says no more than that a handshake failed."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    first = chain[0]
    if first.not_valid_before <= now <= first.not_valid_after:
        return
    raise ArchpoolError(
        "SERVER_UNTRUSTED", f"the certificate of the server at {address} is valid "
        f"from {first.not_valid_before} to {first.not_valid_after} (UTC), and this "
        f"machine's clock says {now:%Y-%m-%d %H:%M:%S}: nothing was sent to it. Set "
        "the clock; `archpool` and the workers do not need it",
        code="FAILED_PRECONDITION")


def _mismatch(chain: list[x509.Certificate], trust: Trust,
              address: Address) -> ArchpoolError:
    shown = str(pin_of(chain[-1])) if chain else "no certificate"
    return ArchpoolError(
        "SERVER_PIN_MISMATCH", f"the server at {address} shows the pin {shown}, and "
        f"{trust.source} says {trust.pin}: nothing was sent to it. If the pool has a "
        "new pin, its operator can confirm it (`archpool-server pin`): then replace "
        "the old one. If not, somebody stands between you and the pool",
        code="FAILED_PRECONDITION")


def check_pin(chain: list[x509.Certificate], trust: Trust, address: Address,
              ) -> tuple[x509.Certificate, str]:
    """The certificate in `chain` that has the pin, and the name to ask for; "":
    the address's own. SERVER_PIN_MISMATCH, SERVER_UNTRUSTED (the date)."""
    pinned = next((one for one in chain if pin_of(one) == trust.pin), None)
    if pinned is None:
        raise _mismatch(chain, trust, address)
    _check_dates(chain, address)
    names = _alternative_names(chain[0])
    if pinned is chain[0]:  # its own key: no other has it, whatever its names
        own = (names or [_common_name(pinned)])[0]
        return pinned, own.replace("*", "any")
    is_pools = (_common_name(pinned) == POOL_AUTHORITY_NAME
                and POOL_SERVER_NAME in names)
    # Another authority vouches for others as well: then the name counts.
    return pinned, POOL_SERVER_NAME if is_pools else ""


def _system_authorities() -> Optional[bytes]:
    paths = ssl.get_default_verify_paths()
    for path in (os.environ.get(paths.openssl_cafile_env), paths.cafile,
                 *_SYSTEM_BUNDLES):
        if path and Path(path).is_file():
            return Path(path).read_bytes()
    return None  # gRPC's own


def make_credentials(address: Address, trust: Trust) -> Credentials:
    """Connects once where a pin decides. The errors of fetch_chain and
    check_pin."""
    if trust.is_plaintext:
        return Credentials(None)
    if trust.pin is None:
        return Credentials(grpc.ssl_channel_credentials(_system_authorities()))
    pinned, name = check_pin(fetch_chain(address), trust, address)
    roots = pinned.public_bytes(Encoding.PEM)
    return Credentials(grpc.ssl_channel_credentials(roots), name)
