#!/usr/bin/env python3
"""Recomputes the vectors in this folder without any code of the hub, with Python's standard library alone.

    python3 reference.py [folder]

For every vector it makes the digests of every expression from the canonical forms, at epoch 1 and, for the value
itself, at epoch 2. Where a canonical form can be checked by a few lines of its own, it is: telephone numbers of
Malaysia from the usual ways to write them, base58check, bech32 and bech32m, EIP-55 (with a Keccak-256), the CRC of
TON, and the checksums of the addresses that must be refused. Prints "N vectors, M differ" and each difference;
exits 1 if there is one.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import re
import sys
import unicodedata

TYPES = ["bank_account", "payment_id", "phone", "url", "domain", "email", "crypto_address", "social_account"]


def digest(keys, kind, canonical):
    """HMAC-SHA-256 of the first key over the form, then of each further key over the digest before."""
    d = hmac.new(keys[0], b"waspada/1\0" + kind.encode() + b"\0" + canonical.encode(), hashlib.sha256).digest()
    for key in keys[1:]:
        d = hmac.new(key, d, hashlib.sha256).digest()
    return d.hex()


def phone(raw):
    """E.164 of a Malaysian number in one of the usual spellings, or None where that takes a numbering plan."""
    text = "".join(str(unicodedata.digit(c)) if unicodedata.category(c) == "Nd" else c for c in raw)
    text = unicodedata.normalize("NFKC", text)
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Zs", "Pd", "Cc") and c not in "().")
    if text.startswith("tel:"):
        text = text[4:]
    match = re.fullmatch(r"(?:\+?60|0060)?0?(1[02-9][0-9]{7}|11[0-9]{8})", text)
    return "+60" + match.group(1) if match and text[:1] in "+60" else None


BITCOIN = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
VERSIONS = {
    "btc": (0, 5), "ltc": (0x30, 0x32), "doge": (0x1E, 0x16), "dash": (0x4C, 0x10), "tron": (0x41,), "xrp": (0,),
}


def base58(text, alphabet=BITCOIN):
    if not text or any(c not in alphabet for c in text):
        return None
    number = 0
    for c in text:
        number = number * 58 + alphabet.index(c)
    zeros = len(text) - len(text.lstrip(alphabet[0]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def base58check(text, versions, alphabet=BITCOIN):
    data = base58(text, alphabet)
    if data is None or len(data) != 25 or data[0] not in versions:
        return False
    return hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()[:4] == data[-4:]


def segwit(prefix, text):
    """BIP 173 and BIP 350."""
    if text not in (text.lower(), text.upper()) or not text.lower().startswith(prefix + "1"):
        return False
    alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    tail = text.lower()[len(prefix) + 1:]
    if any(c not in alphabet for c in tail) or len(tail) < 8:
        return False
    data = [alphabet.index(c) for c in tail]
    checksum = 1
    for value in [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + data:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for i, g in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            checksum ^= g if top >> i & 1 else 0
    if checksum != (1 if data[0] == 0 else 0x2BC830A3):
        return False
    bits = "".join(f"{value:05b}" for value in data[1:-6])
    length, spare = divmod(len(bits), 8)
    if spare > 4 or "1" in bits[len(bits) - spare:]:
        return False
    return data[0] <= 16 and 2 <= length <= 40 and (data[0] != 0 or length in (20, 32))


def keccak256(message):
    """The Keccak of Ethereum, which pads with 0x01 where SHA-3 pads with 0x06."""
    rate, mask = 136, (1 << 64) - 1
    padded = bytearray(message) + b"\x01" + bytes(-(len(message) + 1) % rate)
    padded[-1] |= 0x80
    rotate = lambda value, n: (value << n | value >> (64 - n)) & mask if n else value
    lanes = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), rate):
        for i in range(rate // 8):
            lanes[i % 5][i // 5] ^= int.from_bytes(padded[start + 8 * i:start + 8 * i + 8], "little")
        lfsr = 1
        for _ in range(24):
            c = [lanes[x][0] ^ lanes[x][1] ^ lanes[x][2] ^ lanes[x][3] ^ lanes[x][4] for x in range(5)]
            lanes = [[lanes[x][y] ^ c[x - 1] ^ rotate(c[(x + 1) % 5], 1) for y in range(5)] for x in range(5)]
            x, y, current = 1, 0, lanes[1][0]
            for t in range(24):
                x, y = y, (2 * x + 3 * y) % 5
                current, lanes[x][y] = lanes[x][y], rotate(current, (t + 1) * (t + 2) // 2 % 64)
            for y in range(5):
                row = [lanes[x][y] for x in range(5)]
                for x in range(5):
                    lanes[x][y] = row[x] ^ (~row[(x + 1) % 5] & mask & row[(x + 2) % 5])
            for j in range(7):
                lfsr = (lfsr << 1 ^ (lfsr >> 7) * 0x71) % 256
                if lfsr & 2:
                    lanes[0][0] ^= 1 << ((1 << j) - 1)
    return b"".join(lanes[i % 5][i // 5].to_bytes(8, "little") for i in range(4))


def eip55(digits):
    """Spells forty lower-case digits with their checksum."""
    nibbles = keccak256(digits.encode()).hex()
    return "".join(c.upper() if n >= "8" else c for c, n in zip(digits, nibbles))


def evm(text):
    digits = text[2:]
    if text[:2].lower() != "0x" or not re.fullmatch("[0-9a-fA-F]{40}", digits):
        return False
    return digits in (digits.lower(), digits.upper(), eip55(digits.lower()))


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def ton(text):
    """The raw form of a TON address, or None."""
    if re.fullmatch("(0|-1):[0-9a-fA-F]{64}", text):
        return text.lower()
    if not re.fullmatch("[A-Za-z0-9_+/-]{48}", text):
        return None
    data = base64.urlsafe_b64decode(text.replace("+", "-").replace("/", "_"))
    if data[0] not in (0x11, 0x51) or crc16(data[:34]) != int.from_bytes(data[34:], "big"):
        return None
    return ("-1" if data[1] == 0xFF else "0") + ":" + data[2:34].hex()


def crypto(raw):
    """The canonical form of an address without a name of a chain before it, or None."""
    if segwit("bc", raw):
        return "btc/" + raw.lower()
    if segwit("ltc", raw):
        return "ltc/" + raw.lower()
    if evm(raw):
        return "evm/" + raw.lower()
    for chain, versions in VERSIONS.items():
        if base58check(raw, versions, RIPPLE if chain == "xrp" else BITCOIN):
            return chain + "/" + raw
    return "ton/" + ton(raw) if ton(raw) else None


def faults(keys, kind, vector):
    """What is wrong with a vector, in words."""
    raw = vector["raw"]
    if "rule" in vector:
        if vector.keys() - {"name", "raw", "rule"}:
            yield "a refused value has no other fields"
        if kind == "crypto_address" and crypto(raw) is not None:
            yield "it is refused but its checksum is right"
        if kind == "phone" and phone(raw) is not None:
            yield "it is refused but looks like a Malaysian mobile number"
        return
    canonical = vector["canonical"]
    if digest(keys[:1], kind, canonical) != vector["digest"]:
        yield "digest of epoch 1"
    if digest(keys[:2], kind, canonical) != vector["digest_epoch2"]:
        yield "digest of epoch 2"
    first = vector["expressions"][0]
    if (first["type"], first["canonical"]) != (kind, canonical):
        yield "the first expression is not the value itself"
    if ("unreportable" in vector) == ("report" in vector):
        yield "a value is unreportable or has expressions to report"
    for expression in vector["expressions"] + vector.get("report", []):
        if digest(keys[:1], expression["type"], expression["canonical"]) != expression["digest"]:
            yield "digest of an expression"
    if kind == "phone" and phone(raw) not in (None, canonical):
        yield "canonical form of a Malaysian number: " + phone(raw)
    if kind == "crypto_address":
        bare = crypto(raw)
        if bare not in (None, canonical):
            yield "canonical form of an address: " + bare
        chain, _, address = canonical.partition("/")
        if chain != "sol" and crypto(address) != canonical:
            yield "the canonical form is no valid address"
        if chain == "sol" and len(base58(address) or b"") != 32:
            yield "the canonical form is not 32 bytes"


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    ring = json.loads((folder / "keyring.json").read_text("utf-8"))["keys"]
    keys = [base64.b64decode(ring[str(epoch)]) for epoch in range(1, len(ring) + 1)]
    total = differ = 0
    for kind in TYPES:
        for vector in json.loads((folder / (kind + ".json")).read_text("utf-8"))["vectors"]:
            found = list(faults(keys, kind, vector))
            total += 1
            differ += bool(found)
            for fault in found:
                print(f"{kind}: {vector['name']}: {fault}")
    print(f"{total} vectors, {differ} differ")
    return 1 if differ or not total else 0


if __name__ == "__main__":
    sys.exit(main())
