#!/usr/bin/env python3
"""Write bundle.json: messages for waspada.reports.v1, signed with published test keys, and what a hub makes of them.

    python3 bundle_vectors.py > bundle.json

Signatures come from sign_bundle.py, so that the hub's own signer does not mark its own homework. Ed25519 is
deterministic: the same input gives the same file.
"""
import base64
import json
import pathlib
import sys

import sign_bundle

HERE = pathlib.Path(__file__).parent
ID = "019aa08f-2c00-7000-8000-0000000000b1"
AT = "2026-11-20T08:30:02Z"
APPENDED = "2026-11-20T08:30:05Z"

# The seeds are public: whoever registers these keys in a real hub lets everybody in.
SEEDS = {name: bytes([n]) * 32 for n, name in enumerate(["bank-a-1", "bank-b-1", "old-1", "future-1", "gateway-1",
                                                         "suspended-1", "not-registered"], 1)}
KEYS = [
    {"id": "bank-a-1", "partner": "bank-a"},
    {"id": "bank-b-1", "partner": "bank-b"},
    {"id": "old-1", "partner": "bank-a", "not_after": "2026-11-20T08:30:05Z"},
    {"id": "future-1", "partner": "bank-a", "not_before": "2026-11-20T08:30:06Z"},
    {"id": "gateway-1", "gateway": True},
    {"id": "suspended-1", "partner": "suspended"},
]
PARTNERS = [
    {"id": "bank-a", "number": 1, "kind": "bank", "state": "active"},
    {"id": "bank-b", "number": 2, "kind": "bank", "state": "active"},
    {"id": "suspended", "number": 3, "kind": "platform", "state": "suspended"},
    {"id": "shadow", "number": 4, "kind": "platform", "state": "shadow"},
]

valid = [case["event"] for case in json.loads((HERE / "../events/valid.json").read_text())["events"]]
vectors = []


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


GOOD = compact({"events": valid[:2]})


def vector(name, expect="ok", value=GOOD, key="bank-a-1", partner="bank-a", audience=sign_bundle.AUDIENCE, pointer="",
           bundle_id=ID, tamper=None, **more):
    """Sign, then let tamper change the headers (a list of [name, value]) and the value."""
    headers = [list(pair) for pair in sign_bundle.headers(SEEDS[key], key, partner, bundle_id, AT, value, audience)]
    if tamper:
        value = tamper(headers, value) or value
    entry = {"name": name, "expect": expect}
    if pointer:
        entry["pointer"] = pointer
    entry |= more
    entry["headers"] = headers
    try:
        entry["value"] = value.decode()
    except UnicodeDecodeError:
        entry["value_base64"] = base64.b64encode(value).decode()
    vectors.append(entry)


def setting(name, to):
    def tamper(headers, _):
        for pair in headers:
            if pair[0] == name:
                pair[1] = to(pair[1]) if callable(to) else to
    return tamper


def without(name):
    def tamper(headers, _):
        headers[:] = [pair for pair in headers if pair[0] != name]
    return tamper


def adding(*pair):
    return lambda headers, _: headers.append(list(pair))


def flipped(at):
    return lambda _, value: value[:at] + bytes([value[at] ^ 1]) + value[at + 1:]


def signature(change):
    def to(text):
        return base64.b64encode(change(bytearray(base64.b64decode(text)))).decode()
    return setting("waspada-signature", to)


def first_byte(raw):
    raw[0] ^= 1
    return raw


def plus_order(raw):
    """The same signature with S + q: a verifier that takes it lets anybody make a second signature (RFC 8032 5.1.7)."""
    s = int.from_bytes(raw[32:], "little") + sign_bundle.Q
    return raw[:32] + s.to_bytes(32, "little")


# What is good.
vector("two events")
vector("every kind of event", value=compact({"events": valid[:14]}))
vector("JSON with space and line ends", value=json.dumps({"events": valid[:1]}, indent=2).encode() + b"\r\n")
vector("JSON with escapes", value=GOOD.replace(b'"kind":"report"', b'"\\u006bind":"\\u0072eport"'))
vector("header names in upper case", tamper=lambda h, _: [pair.__setitem__(0, pair[0].upper()) for pair in h] and None)
vector("further headers, one twice",
       tamper=lambda h, _: h.extend([["traceparent", "00-1-2-01"], ["x", "1"], ["x", "2"]]))
vector("content type with a parameter", tamper=setting("content-type", "application/json; charset=utf-8"))
vector("ce_time is not signed", tamper=setting("ce_time", "2001-01-01T00:00:00Z"))
vector("the gateway speaks for a partner", key="gateway-1", partner="bank-b")
vector("a partner in shadow", key="gateway-1", partner="shadow")
vector("one bad event stands alone", value=compact({"events": [valid[0], {"kind": "report"}, valid[1]]}),
       events=["ok", "schema", "ok"])

# Headers.
for missing in ("ce_specversion", "ce_id", "ce_source", "ce_type", "content-type", "waspada-key", "waspada-signature"):
    vector("without " + missing, "bad_headers", tamper=without(missing))
vector("without ce_time", tamper=without("ce_time"))
vector("without any header", "bad_headers", tamper=lambda h, _: h.clear())
vector("another version of CloudEvents", "bad_headers", tamper=setting("ce_specversion", "0.3"))
vector("another type", "bad_headers", tamper=setting("ce_type", "my.waspada.bundle.v2"))
vector("another content type", "bad_headers", tamper=setting("content-type", "application/cloudevents+json"))
vector("an id in upper case", "bad_headers", tamper=setting("ce_id", str.upper))
vector("an id that is none", "bad_headers", tamper=setting("ce_id", "1"))
vector("a source of another form", "bad_headers", tamper=setting("ce_source", "bank-a"))
vector("a source with NUL", "bad_headers", tamper=setting("ce_source", "/partners/bank-a\0"))
vector("ce_source twice, the second another", "bad_headers", tamper=adding("ce_source", "/partners/bank-b"))
vector("ce_id twice, the second in upper case", "bad_headers", tamper=adding("CE_ID", ID))
vector("a signature twice", "bad_headers", tamper=lambda h, _: h.append(list(h[-1])))
vector("a signature in URL-safe base64 without padding", "bad_headers",
       tamper=setting("waspada-signature", lambda t: t.replace("+", "-").replace("/", "_").rstrip("=")))
vector("a signature with a line end", "bad_headers", tamper=setting("waspada-signature", lambda t: t + "\n"))
vector("a signature of 63 bytes", "bad_headers", tamper=signature(lambda raw: raw[:63]))

# Keys and rights.
vector("a key that is not registered", "unknown_key", key="not-registered")
vector("a key id that names nothing", "unknown_key", tamper=setting("waspada-key", "bank-z-1"))
vector("another partner's key id", "bad_signature", tamper=setting("waspada-key", "bank-b-1"))
vector("a key that is no longer valid", "key_not_valid", key="old-1")
vector("a key that is not yet valid", "key_not_valid", key="future-1")
vector("a suspended partner", "key_not_valid", key="suspended-1", partner="suspended")
vector("the gateway speaks for a suspended partner", "key_not_valid", key="gateway-1", partner="suspended")
vector("speaking for another partner", "wrong_source", partner="bank-b")
vector("speaking for nobody", "wrong_source", partner="")
vector("the gateway speaks for a stranger", "wrong_source", key="gateway-1", partner="stranger")

# Signatures.
vector("signed for another hub", "bad_signature", audience="my.waspada.test")
vector("a flipped bit in the value", "bad_signature", tamper=flipped(40))
vector("a byte more", "bad_signature", tamper=lambda _, value: value + b" ")
vector("a byte less", "bad_signature", tamper=lambda _, value: value[:-1])
vector("another bundle's id", "bad_signature", tamper=setting("ce_id", ID[:-1] + "2"))
vector("another partner's source", "bad_signature", tamper=setting("ce_source", "/partners/bank-b"))
vector("a flipped bit in the signature", "bad_signature", tamper=signature(first_byte))
vector("a signature of zeros", "bad_signature", tamper=signature(lambda raw: bytes(64)))
vector("a signature made malleable", "bad_signature", tamper=signature(plus_order))

# JSON, well signed.
vector("no bytes", "malformed", value=b"")
vector("not JSON", "malformed", value=b"events")
vector("cut short", "malformed", value=GOOD[:-2])
vector("two values", "malformed", value=GOOD + b"{}")
vector("a byte order mark", "malformed", value=b"\xef\xbb\xbf" + GOOD)
vector("UTF-16", "malformed", value=GOOD.decode().encode("utf-16-le"))
vector("invalid UTF-8", "malformed", value=GOOD.replace(b"macau_scam", b"macau\xff"))
vector("half a surrogate", "malformed", value=GOOD.replace(b"macau_scam", b"macau\\ud800"))
vector("a key twice in the bundle", "malformed", value=b'{"events":[],' + GOOD[1:])
vector("a key twice in an event", "malformed",
       value=GOOD.replace(b'"kind":"report"', b'"kind":"report","kind":"report"', 1))
vector("a key twice, once escaped", "malformed", value=GOOD.replace(b'"kind"', b'"\\u006bind":"clear","kind"', 1))
vector("a comma too many", "malformed", value=GOOD.replace(b"]}", b",]}"))
vector("a comment", "malformed", value=GOOD + b"// done")
vector("a number with a leading zero", "malformed", value=GOOD.replace(b'"confidence":80', b'"confidence":080', 1))
vector("not a number", "malformed", value=GOOD.replace(b'"confidence":80', b'"confidence":NaN', 1))
vector("nested too deep", "malformed", value=b'{"events":' + b"[" * 20000 + b"]" * 20000 + b"}")

# The bundle's form.
vector("an array", "schema", value=compact(valid[:1]))
vector("a field too many", "schema", value=compact({"events": valid[:1], "note": "x"}))
vector("no field", "schema", pointer="/events", value=b"{}")
vector("no events", "schema", pointer="/events", value=b'{"events":[]}')
vector("null for events", "schema", pointer="/events", value=b'{"events":null}')
vector("an event alone", "schema", pointer="/events", value=compact({"events": valid[0]}))
vector("the key in another case", "schema", value=compact({"Events": valid[:1]}))

keys = [key | {"seed": SEEDS[key["id"]].hex(), "public": sign_bundle.public_key(SEEDS[key["id"]]).hex()}
        for key in KEYS]
head = {"audience": sign_bundle.AUDIENCE, "appended": APPENDED, "partners": PARTNERS, "keys": keys}
sys.stdout.write(json.dumps(head, indent=2)[:-2] + ',\n  "vectors": [\n')
sys.stdout.write(",\n".join("    " + json.dumps(one, ensure_ascii=True) for one in vectors) + "\n  ]\n}\n")
