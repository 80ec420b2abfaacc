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
	// ReadOnly gives the analyst's profile: no writes, and limits of 60 s and 1 GiB that a query may lower, not raise.
	ReadOnly bool
	// Grants replaces the user's rights by these statements without "TO", such as "GRANT SELECT ON waspada.*".
	// Empty leaves every right that the profile allows.
	Grants []string
}

const profilesHead = `<clickhouse>
  <profiles>
    <default>
`

const usersHead = `    </default>
    <analyst>
      <readonly>2</readonly>
      <max_execution_time>60</max_execution_time>
      <max_memory_usage>1073741824</max_memory_usage>
      <constraints>
        <max_execution_time><min>1</min><max>60</max></max_execution_time>
        <max_memory_usage><min>1</min><max>1073741824</max></max_memory_usage>
      </constraints>
    </analyst>
  </profiles>
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
	b.WriteString(usersHead)
	for _, u := range opts.Users {
		profile := "default"
		if u.ReadOnly {
			profile = "analyst"
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
