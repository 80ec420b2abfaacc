package indicator

func parseCryptoAddress(text string) (Indicator, *Error) {
	return Indicator{}, refuse(CryptoAddress, "chain", "not yet read")
}
