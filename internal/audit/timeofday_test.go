package audit

import (
	"testing"
	"time"
)

func TestTimeOfDayIsMalaysias(t *testing.T) {
	half3, err := ParseTimeOfDay("03:30")
	if err != nil || half3.String() != "03:30" {
		t.Fatal(half3, err)
	}
	for now, want := range map[string]string{
		"2026-11-22T00:00:00Z": "2026-11-22T19:30:00Z", // 08:00 in Malaysia
		"2026-11-22T19:29:59Z": "2026-11-22T19:30:00Z",
		"2026-11-22T19:30:00Z": "2026-11-23T19:30:00Z", // not twice
		"2026-12-31T20:00:00Z": "2027-01-01T19:30:00Z",
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := half3.After(at).UTC().Format(time.RFC3339); got != want {
			t.Errorf("after %s: %s, want %s", now, got, want)
		}
	}
	if zone, err := time.LoadLocation("Asia/Kuala_Lumpur"); err == nil {
		now := time.Now()
		_, here := now.In(malaysia).Zone()
		if _, want := now.In(zone).Zone(); here != want {
			t.Errorf("offset %d s, the zone file says %d s", here, want)
		}
	}
	for _, text := range []string{"", "3:30", "24:00", "03:60", "03:30:00", "half past three"} {
		if got, err := ParseTimeOfDay(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}
