package indicator

// chain is a blockchain, or a family of them that shares addresses.
type chain struct {
	name  string
	names []string
	// read brings an address of this chain to its canonical form.
	read func(address string) (string, *Error)
	// bare reports whether an address tells by itself, by its form and checksum, that it is of this chain.
	bare bool
}

var chains = []chain{
	{"btc", []string{"bitcoin", "xbt"}, bitcoinLike("bc", 0x00, 0x05), true},
	{"ltc", []string{"litecoin"}, bitcoinLike("ltc", 0x30, 0x32), true},
	{"doge", []string{"dogecoin"}, bitcoinLike("", 0x1e, 0x16), true},
	{"dash", nil, bitcoinLike("", 0x4c, 0x10), true},
	{"tron", []string{"trx", "trc20", "usdttrc20"}, bitcoinLike("", 0x41), true},
	{"xrp", []string{"ripple", "xrpl"}, ripple, true},
	// The same address is the same key holder's on every chain that runs Ethereum's virtual machine.
	{"evm", []string{"eth", "ethereum", "erc20", "usdterc20", "bsc", "bnb", "bep20", "polygon", "matic", "arbitrum",
		"optimism", "base", "avax", "avalanche", "fantom", "etc"}, evm, true},
	{"ton", []string{"toncoin"}, ton, true},
	// A Solana address is 32 bytes without a checksum: nothing tells it from another chain's.
	{"sol", []string{"solana", "spl"}, solana, false},
}

// chainsByName maps nameKey of every name of a chain to it.
var chainsByName = func() map[string]chain {
	byName := make(map[string]chain)
	for _, c := range chains {
		for _, name := range append([]string{c.name}, c.names...) {
			byName[name] = c
		}
	}
	return byName
}()
