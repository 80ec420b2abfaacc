package indicator

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"golang.org/x/crypto/sha3"
)

// parseCryptoAddress reads `<chain>:<address>`, the canonical form, a payment link (bitcoin:…?amount=1), or an
// address alone where its form tells the chain.
//
// Canonical form: `<chain>/<address>`. Checksums are verified: EIP-55, base58check, bech32 and bech32m, CRC-16.
// EVM and bech32 addresses are in lower case, base58 ones as they are, and TON's three spellings in their raw form.
func parseCryptoAddress(text string) (Indicator, *Error) {
	if name, address, ok := cutName(text); ok {
		if c, known := chainsByName[nameKey(name)]; known {
			return onChain(c, paymentTarget(address))
		}
		if !strings.Contains("0-1", name) { // TON's raw addresses begin with 0: or -1:
			return Indicator{}, refuse(CryptoAddress, "unknown_chain",
				"the chain is not known: one of btc, evm, tron, ltc, doge, dash, xrp, ton, sol")
		}
	}
	var fault *Error
	for _, c := range chains {
		if !c.bare {
			continue
		}
		in, refused := onChain(c, text)
		if refused == nil {
			return in, nil
		}
		// The fault of a chain whose form the address has says more than that of one whose form it has not.
		if fault == nil || refused.Rule != notOfChain {
			fault = refused
		}
	}
	if fault.Rule == notOfChain {
		if _, err := solana(text); err == nil {
			fault = refuse(CryptoAddress, "chain_needed", "the address doesn't tell its chain: write <chain>:<address>")
		}
	}
	return Indicator{}, fault
}

func onChain(c chain, address string) (Indicator, *Error) {
	canonical, fault := c.read(address)
	if fault != nil {
		return Indicator{}, fault
	}
	return exactly(CryptoAddress, c.name+"/"+canonical), nil
}

// paymentTarget cuts what a payment link adds to its address: slashes before, a chain number or parameters behind.
func paymentTarget(link string) string {
	link = strings.TrimPrefix(link, "//")
	if end := strings.IndexAny(link, "?@"); end >= 0 {
		link = link[:end]
	}
	return link
}

const notOfChain = "crypto_address/not_an_address"

func notAnAddress() *Error {
	return refuse(CryptoAddress, "not_an_address", "this is no address of the chain, or of any chain that is known")
}

func badChecksum() *Error {
	return refuse(CryptoAddress, "checksum", "the checksum of the address is wrong: a character was mistyped or lost")
}

// bitcoinLike reads addresses of chains that descend from Bitcoin: base58check with one of the version bytes and,
// where the chain has a prefix for them, bech32.
func bitcoinLike(prefix string, versions ...byte) func(string) (string, *Error) {
	return func(address string) (string, *Error) {
		lower := strings.ToLower(address)
		if prefix != "" && strings.HasPrefix(lower, prefix+"1") {
			return lower, checkSegwit(prefix, address)
		}
		if strings.HasPrefix(lower, "tb1") || strings.HasPrefix(lower, "bcrt1") || strings.HasPrefix(lower, "tltc1") {
			return "", refuse(CryptoAddress, "testnet", "the address is of a test network")
		}
		payload, ok := decodeBase58(address, bitcoinAlphabet)
		if !ok || len(payload) != 25 || strings.IndexByte(string(versions), payload[0]) < 0 {
			return "", notAnAddress()
		}
		if !checked(payload) {
			return "", badChecksum()
		}
		return address, nil
	}
}

// ripple reads classic addresses of the XRP ledger, which has its own alphabet.
func ripple(address string) (string, *Error) {
	payload, ok := decodeBase58(address, rippleAlphabet)
	if !ok || len(payload) != 25 || payload[0] != 0 || address[0] != 'r' {
		return "", notAnAddress()
	}
	if !checked(payload) {
		return "", badChecksum()
	}
	return address, nil
}

// solana reads 32 bytes in base58.
func solana(address string) (string, *Error) {
	if key, ok := decodeBase58(address, bitcoinAlphabet); !ok || len(key) != 32 {
		return "", notAnAddress()
	}
	return address, nil
}

// evm reads 20 bytes in hexadecimal. Mixed case is a checksum (EIP-55); one case is none.
func evm(address string) (string, *Error) {
	lower := strings.ToLower(address)
	digits, ok := strings.CutPrefix(lower, "0x")
	if _, err := hex.DecodeString(digits); !ok || err != nil || len(digits) != 40 {
		return "", notAnAddress()
	}
	given := address[2:]
	if given != digits && given != strings.ToUpper(digits) && given != eip55(digits) {
		return "", badChecksum()
	}
	return lower, nil
}

// eip55 spells 40 lower-case digits with the checksum of EIP-55: a letter is upper-case where the Keccak-256 of
// the digits has a nibble of 8 or more.
func eip55(digits string) string {
	hash := sha3.NewLegacyKeccak256()
	hash.Write([]byte(digits))
	nibbles := hex.EncodeToString(hash.Sum(nil))
	mixed := []byte(digits)
	for i, c := range mixed {
		if c >= 'a' && nibbles[i] >= '8' {
			mixed[i] = c - 'a' + 'A'
		}
	}
	return string(mixed)
}

// ton reads an address of The Open Network, raw (0:<64 hexadecimal digits>) or in one of its two 48-character
// spellings, which differ in whether an undeliverable message bounces. All three mean the same account; the raw one
// is canonical.
func ton(address string) (string, *Error) {
	if workchain, digits, ok := strings.Cut(strings.ToLower(address), ":"); ok {
		if _, err := hex.DecodeString(digits); err != nil || len(digits) != 64 || workchain != "0" && workchain != "-1" {
			return "", notAnAddress()
		}
		return workchain + ":" + digits, nil
	}
	// Both alphabets of base64 are in use.
	packed, err := base64.URLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_").Replace(address))
	if err != nil || len(packed) != 36 {
		return "", notAnAddress()
	}
	workchain := map[byte]string{0x00: "0", 0xff: "-1"}[packed[1]]
	switch tag := packed[0]; {
	case tag == 0x91 || tag == 0xd1:
		return "", refuse(CryptoAddress, "testnet", "the address is of a test network")
	case tag != 0x11 && tag != 0x51 || workchain == "":
		return "", notAnAddress()
	case crc16(packed[:34]) != binary.BigEndian.Uint16(packed[34:]):
		return "", badChecksum()
	}
	return workchain + ":" + hex.EncodeToString(packed[2:34]), nil
}

// crc16 is CRC-16/XMODEM.
func crc16(data []byte) uint16 {
	var crc uint16
	for _, b := range data {
		crc ^= uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}
