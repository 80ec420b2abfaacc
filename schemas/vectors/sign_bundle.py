#!/usr/bin/env python3
"""Build and sign a bundle for waspada.reports.v1 by hand, with nothing but Python's standard library.

    openssl genpkey -algorithm ed25519 -out key.pem
    python3 sign_bundle.py --key key.pem --key-id bank-a-2026 --partner bank-a < events.json

events.json is an array of events (schemas/bundle.v1.json). Printed is one JSON object: "key", "headers" and "value",
each as text, to be handed to any Kafka client: the message's key, its headers and its value, byte for byte.

What is signed, and nothing else (schemas/asyncapi.v1.yaml):

    "waspada/bundle/1" 00 audience 00 ce_id 00 ce_source 00 value

It is a reference to read and to test against. Its Ed25519 (RFC 8032) is slow and not free of side channels: in
production sign with a library or a hardware module.
"""
import argparse
import base64
import datetime
import hashlib
import json
import os
import sys
import time
import uuid

DOMAIN = b"waspada/bundle/1"
AUDIENCE = "my.waspada"

# --- Ed25519, RFC 8032 section 5.1. Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z. ---

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def _add(a, b):
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * D % P
    h = 2 * a[2] * b[2] % P
    return ((f - e) * (h - g) % P, (h + g) * (f + e) % P, (h - g) * (h + g) % P, (f - e) * (f + e) % P)


def _multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _base_point():
    y = 4 * pow(5, P - 2, P) % P
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x & 1:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = _base_point()


def _encode(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _number(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def _expand(seed):
    h = hashlib.sha512(seed).digest()
    return int.from_bytes(h[:32], "little") & (1 << 254) - 8 | 1 << 254, h[32:]


def public_key(seed):
    """The 32 bytes that the hub's operator registers, of the 32 secret ones."""
    return _encode(_multiply(_expand(seed)[0], BASE))


def sign(seed, message):
    """The 64 bytes of an Ed25519 signature."""
    scalar, prefix = _expand(seed)
    public = _encode(_multiply(scalar, BASE))
    r = _number(prefix, message) % Q
    commitment = _encode(_multiply(r, BASE))
    s = (r + _number(commitment, public, message) * scalar) % Q
    return commitment + s.to_bytes(32, "little")


# --- The bundle ---


def signed_bytes(audience, bundle_id, source, value):
    """Exactly the bytes that the signature covers."""
    return b"".join(part + b"\0" for part in (DOMAIN, audience.encode(), bundle_id.encode(), source.encode())) + value


def headers(seed, key_id, partner, bundle_id, at, value, audience=AUDIENCE):
    """The headers of a message, as pairs of text."""
    source = "/partners/" + partner
    signature = sign(seed, signed_bytes(audience, bundle_id, source, value))
    return [
        ("ce_specversion", "1.0"),
        ("ce_id", bundle_id),
        ("ce_source", source),
        ("ce_type", "my.waspada.bundle.v1"),
        ("ce_time", at),
        ("content-type", "application/json"),
        ("waspada-key", key_id),
        ("waspada-signature", base64.b64encode(signature).decode()),
    ]


def uuid7():
    """A UUID of version 7 (RFC 9562): 48 bits of milliseconds, then chance."""
    raw = (time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10)
    return str(uuid.UUID(bytes=raw[:6] + bytes([raw[6] & 0x0F | 0x70, raw[7], raw[8] & 0x3F | 0x80]) + raw[9:]))


def load_seed(path):
    """The 32 secret bytes of a PKCS #8 PEM file, as openssl genpkey writes it."""
    with open(path, encoding="ascii") as file:
        lines = [line.strip() for line in file]
    if "-----BEGIN PRIVATE KEY-----" not in lines:
        sys.exit(f"{path}: not a PEM file with a PRIVATE KEY")
    der = base64.b64decode("".join(line for line in lines if not line.startswith("-----")))
    # SEQUENCE { version, AlgorithmIdentifier 1.3.101.112, OCTET STRING { OCTET STRING { 32 bytes } } … }
    marker = bytes.fromhex("06032b657004220420")
    at = der.find(marker)
    if at < 0 or len(der) < at + len(marker) + 32:
        sys.exit(f"{path}: not an Ed25519 key")
    return der[at + len(marker):][:32]


def main():
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("--key", required=True, help="PEM file of the Ed25519 key (PKCS #8)")
    flags.add_argument("--key-id", help="id under which the hub knows the key")
    flags.add_argument("--partner", help="your partner id")
    flags.add_argument("--audience", default=AUDIENCE, help="the hub's name (default %(default)s)")
    flags.add_argument("--id", help="bundle id (default: a new UUIDv7)")
    flags.add_argument("--time", help="ce_time (default: now)")
    flags.add_argument("--public", action="store_true", help="print the public key in base64 and stop")
    args = flags.parse_args()
    seed = load_seed(args.key)
    if args.public:
        print(base64.b64encode(public_key(seed)).decode())
        return
    if not args.key_id or not args.partner:
        flags.error("--key-id and --partner are needed to sign")
    events = json.load(sys.stdin)
    if not isinstance(events, list) or not 1 <= len(events) <= 500:
        sys.exit("events: an array of 1 to 500 events")
    value = json.dumps({"events": events}, separators=(",", ":"), ensure_ascii=False).encode()
    if len(value) > 1 << 20:
        sys.exit("events: the bundle has more than 1 MiB")
    bundle_id = args.id or uuid7()
    now = datetime.datetime.now(datetime.timezone.utc)
    at = args.time or now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    pairs = headers(seed, args.key_id, args.partner, bundle_id, at, value, args.audience)
    message = {"key": bundle_id, "headers": dict(pairs), "value": value.decode()}
    print(json.dumps(message, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
