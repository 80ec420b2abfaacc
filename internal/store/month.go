package store

import "time"

// month is the ledger's partition: toYYYYMM of the append time in UTC.
type month int

func monthOf(t time.Time) month {
	t = t.UTC()
	return month(t.Year()*100 + int(t.Month()))
}

// byMonth groups rows by month, in the order in which the months first appear: nearly always one group.
func byMonth[R any](rows []R, of func(*R) month) [][]*R {
	var (
		groups [][]*R
		place  = map[month]int{}
	)
	for i := range rows {
		m := of(&rows[i])
		g, ok := place[m]
		if !ok {
			g = len(groups)
			place[m] = g
			groups = append(groups, make([]*R, 0, len(rows)-i))
		}
		groups[g] = append(groups[g], &rows[i])
	}
	return groups
}
