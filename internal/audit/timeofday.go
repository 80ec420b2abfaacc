package audit

import (
	"fmt"
	"time"
)

// malaysia is the zone Asia/Kuala_Lumpur, which has had no other offset since 1982: so no machine needs a zone file.
var malaysia = time.FixedZone("Asia/Kuala_Lumpur", 8*60*60)

// TimeOfDay is an hour and a minute in Malaysia.
type TimeOfDay struct{ hour, minute int }

// ParseTimeOfDay reads "HH:MM", from 00:00 to 23:59.
func ParseTimeOfDay(text string) (TimeOfDay, error) {
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return TimeOfDay{}, fmt.Errorf("%q is no time of day: write HH:MM, as in 03:30", text)
	}
	return TimeOfDay{t.Hour(), t.Minute()}, nil
}

// After is the next such time after now.
func (t TimeOfDay) After(now time.Time) time.Time {
	now = now.In(malaysia)
	next := time.Date(now.Year(), now.Month(), now.Day(), t.hour, t.minute, 0, 0, malaysia)
	if !next.After(now) {
		next = next.AddDate(0, 0, 1)
	}
	return next
}

// String is "HH:MM".
func (t TimeOfDay) String() string { return fmt.Sprintf("%02d:%02d", t.hour, t.minute) }
