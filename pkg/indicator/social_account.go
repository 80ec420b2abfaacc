package indicator

func parseSocialAccount(text string) (Indicator, *Error) {
	return Indicator{}, refuse(SocialAccount, "platform", "not yet read")
}
