package indicator_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/waspada-hub/waspada/pkg/indicator"
)

// noise draws what people put between digits.
var noise = rapid.SampledFrom([]string{"", "", "", " ", "-", ".", "–", "\u00a0", "\u200b", "  ", " - "})

// written draws a way to write digits: of some script, with noise between them.
func written(t *rapid.T, digits string) string {
	zero := rapid.SampledFrom([]rune{'0', '０', '٠', '۰', '०', '๐', '௦'}).Draw(t, "zero")
	var b strings.Builder
	for i, d := range digits {
		if i > 0 {
			b.WriteString(noise.Draw(t, "noise"))
		}
		b.WriteRune(zero + d - '0')
	}
	return b.String()
}

func mustParse(t *rapid.T, typ indicator.Type, raw string) indicator.Indicator {
	in, err := indicator.Parse(typ, indicator.Raw(raw))
	if err != nil {
		t.Fatalf("Parse(%s, %q): %v", typ, raw, err)
	}
	requireSound(t, typ, in)
	return in
}

func TestEverySpellingOfAMobileNumberIsOne(t *testing.T) {
	subscribers := rapid.OneOf(rapid.StringMatching(`1[2679][2-9][0-9]{6}`), rapid.StringMatching(`11[1-5][0-9]{7}`))
	prefixes := rapid.SampledFrom([]string{"0", "60", "+60", "0060", "+60 (0)", "+600", "(+60) ", "6 0"})
	rapid.Check(t, func(t *rapid.T) {
		subscriber := subscribers.Draw(t, "subscriber")
		raw := prefixes.Draw(t, "prefix") + written(t, subscriber)
		if got, want := mustParse(t, indicator.Phone, raw).Canonical, "+60"+subscriber; got != want {
			t.Fatalf("%q is %s, want %s", raw, got, want)
		}
	})
}

func TestEverySpellingOfAnAccountIsOne(t *testing.T) {
	banks := rapid.SampledFrom([]string{"maybank", "MAYBANK", "Maybank Berhad", "mbb", "MBBEMYKL", "mbbemyklxxx",
		"MB2U0227", " Malayan Banking ", "maybank2u", "ＭＡＹＢＡＮＫ"})
	colons := rapid.SampledFrom([]string{":", ": ", " : ", "："})
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`[0-9]{7,20}`).Draw(t, "number")
		raw := banks.Draw(t, "bank") + colons.Draw(t, "colon") + written(t, number)
		got := mustParse(t, indicator.BankAccount, raw)
		weak := indicator.Expression{Type: indicator.BankAccount, Grade: indicator.Weak, Canonical: "MY/*/" + number}
		exact := indicator.Expression{Type: indicator.BankAccount, Grade: indicator.Exact, Canonical: "MY/MBBEMYKL/" + number}
		if diff := cmp.Diff([]indicator.Expression{exact, weak}, got.Lookup); diff != "" {
			t.Fatalf("%q (-want +got):\n%s", raw, diff)
		}
		bare := mustParse(t, indicator.BankAccount, written(t, number))
		if diff := cmp.Diff([]indicator.Expression{weak}, bare.Lookup); diff != "" {
			t.Fatalf("the number alone (-want +got):\n%s", diff)
		}
		if bare.Reportable() == nil || len(bare.Report) != 0 {
			t.Fatal("a number without its bank can be reported")
		}
	})
}

// TestURLSurvivesDisguise writes one URL in ways that browsers follow to the same page.
func TestURLSurvivesDisguise(t *testing.T) {
	schemes := rapid.SampledFrom([]string{"", "http://", "https://", "HTTPS://", "hxxp://", "hxxps[:]//", "//", `http:\\`})
	slashes := rapid.SampledFrom([]string{"/", "//", "/./", "/x/../"})
	rapid.Check(t, func(t *rapid.T) {
		label := rapid.StringMatching(`[a-z][a-z0-9]{0,8}`)
		host := label.Draw(t, "label") + "." + label.Draw(t, "label") + ".example"
		path := rapid.StringMatching(`(/[a-zA-Z0-9_~!$&'()*+,;=:@-]{1,6}){0,5}/?`).Draw(t, "path")
		if !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
		query := rapid.StringMatching(`(\?[a-zA-Z0-9=&;/?+-]{0,12})?`).Draw(t, "query")
		escaped := func(text string) string {
			var b strings.Builder
			for _, c := range []byte(text) {
				if rapid.IntRange(0, 4).Draw(t, "escape") == 0 && c != '/' && c != '?' && c != '.' {
					fmt.Fprintf(&b, "%%%02x", c)
				} else {
					b.WriteByte(c)
				}
			}
			return b.String()
		}
		scheme := schemes.Draw(t, "scheme")
		user := ""
		if scheme != "" {
			user = rapid.SampledFrom([]string{"", "bank.example@", "user:pw@", "a@b@"}).Draw(t, "user")
		}
		dot := rapid.SampledFrom([]string{".", "[.]", "..", "。", "%2e"}).Draw(t, "dot")
		raw := scheme + user + strings.ReplaceAll(escaped(host), ".", dot) +
			rapid.SampledFrom([]string{"", ".", ":80", ":8443", ":"}).Draw(t, "port") +
			strings.ReplaceAll(escaped(path), "/", slashes.Draw(t, "slash")) +
			escaped(query) + rapid.SampledFrom([]string{"", "#", "#top?x"}).Draw(t, "fragment")
		if got, want := mustParse(t, indicator.URL, raw).Canonical, host+path+query; got != want {
			t.Fatalf("%q\n got %q\nwant %q", raw, got, want)
		}
	})
}

// TestParseIsIdempotent draws from the characters that have a meaning somewhere.
func TestParseIsIdempotent(t *testing.T) {
	pieces := rapid.SampledFrom(strings.Split("a,B,1,0,9,60,+,-,.,..,/,//,\\,:,?,#,%,%25,%2e,%2F,%3f,%80,@,[,],(,),"+
		" ,\t,\u200b,ü,u\u0308,ß,İ,٣,３,。,％,xn--,0x,com,my,evil.example,http:,facebook:,maybank:,btc:,nric:,tng:,MY/,*/,"+
		"duitnow/,&,=,~", ","))
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom(indicator.Types()).Draw(t, "type")
		raw := strings.Join(rapid.SliceOfN(pieces, 1, 14).Draw(t, "pieces"), "")
		in, err := indicator.Parse(typ, indicator.Raw(raw))
		if err != nil {
			return
		}
		requireSound(t, typ, in)
		again, err := indicator.Parse(typ, indicator.Raw(in.Canonical))
		if err != nil {
			t.Fatalf("%q: canonical %q is refused: %v", raw, in.Canonical, err)
		}
		if diff := cmp.Diff(in, again); diff != "" {
			t.Fatalf("%q: canonical %q means something else (-raw +canonical):\n%s", raw, in.Canonical, diff)
		}
	})
}
