package devstack

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"os"
	"strings"
)

// User is an account of the engine, beside "default", which has no password and every right.
type User struct {
	Name     string
	Password string
	// Limits are the settings of its profile; without any it has that of "default".
	Limits []Limit
	// Grants replaces the user's rights by these statements without "TO", such as "GRANT SELECT ON waspada.*".
	// Empty leaves every right that the profile allows.
	Grants []string
}

// Limit is a setting of a user's profile. A query may change it within Min and Max, where they are given, and not at all
// where it is Fixed.
type Limit struct {
	Setting, Value, Min, Max string
	Fixed                    bool
}

const profilesHead = `<clickhouse>
  <profiles>
    <default>
`

const usersHead = `  </profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <password></password>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
    </default>
`

// usersXML writes the engine's users file. Passwords are in it as SHA-256 only.
func usersXML(opts EngineOptions) string {
	var b strings.Builder
	b.WriteString(profilesHead)
	for name, value := range opts.Settings {
		b.WriteString("      <" + name + ">" + escapeXML(value) + "</" + name + ">\n")
	}
	b.WriteString("    </default>\n")
	for _, u := range opts.Users {
		if len(u.Limits) > 0 {
			writeProfile(&b, u)
		}
	}
	b.WriteString(usersHead)
	for _, u := range opts.Users {
		profile := "default"
		if len(u.Limits) > 0 {
			profile = u.Name
		}
		sum := sha256.Sum256([]byte(u.Password))
		b.WriteString("    <" + u.Name + ">\n")
		b.WriteString("      <password_sha256_hex>" + hex.EncodeToString(sum[:]) + "</password_sha256_hex>\n")
		b.WriteString("      <networks><ip>127.0.0.1</ip></networks>\n")
		b.WriteString("      <profile>" + profile + "</profile>\n      <quota>default</quota>\n")
		if len(u.Grants) > 0 {
			b.WriteString("      <grants>\n")
			for _, g := range u.Grants {
				b.WriteString("        <query>" + escapeXML(g) + "</query>\n")
			}
			b.WriteString("      </grants>\n")
		}
		b.WriteString("    </" + u.Name + ">\n")
	}
	b.WriteString("  </users>\n</clickhouse>\n")
	return b.String()
}

// writeProfile writes a user's limits as the profile of its name.
func writeProfile(b *strings.Builder, u User) {
	element := func(name, text string) string {
		if text == "" {
			return ""
		}
		return "<" + name + ">" + escapeXML(text) + "</" + name + ">"
	}
	b.WriteString("    <" + u.Name + ">\n")
	for _, l := range u.Limits {
		b.WriteString("      " + element(l.Setting, l.Value) + "\n")
	}
	b.WriteString("      <constraints>\n")
	for _, l := range u.Limits {
		bounds := element("min", l.Min) + element("max", l.Max)
		if l.Fixed {
			bounds += "<readonly/>"
		}
		if bounds != "" {
			b.WriteString("        <" + l.Setting + ">" + bounds + "</" + l.Setting + ">\n")
		}
	}
	b.WriteString("      </constraints>\n    </" + u.Name + ">\n")
}

// writeConfig writes the engine's configuration: where its users are, and extra, the inner XML of <clickhouse>.
func writeConfig(path, usersPath, extra string) error {
	text := "<clickhouse>\n  <users_config>" + escapeXML(usersPath) + "</users_config>\n" + extra + "\n</clickhouse>\n"
	return os.WriteFile(path, []byte(text), 0o600)
}

func escapeXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}
