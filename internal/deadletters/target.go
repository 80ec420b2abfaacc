package deadletters

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/wire"
)

// Target points to the dead letters of one message, or to one of them.
type Target struct {
	fraud.Place
	// Index is the event's place in its bundle; negative for all dead letters of the message.
	Index int
}

// ParseTarget reads PARTITION:OFFSET or PARTITION:OFFSET:INDEX.
func ParseTarget(text string) (Target, error) {
	parts := strings.Split(text, ":")
	limits := []int64{1<<31 - 1, 1<<63 - 1, wire.MaxEvents - 1}
	numbers := []int64{0, 0, -1}
	ok := len(parts) == 2 || len(parts) == 3
	for i := 0; ok && i < len(parts); i++ {
		n, err := strconv.ParseUint(parts[i], 10, 63)
		ok = err == nil && int64(n) <= limits[i]
		numbers[i] = int64(n)
	}
	if !ok {
		return Target{}, errors.New("a position is written PARTITION:OFFSET or PARTITION:OFFSET:INDEX, such as 3:128411:17")
	}
	return Target{fraud.Place{Partition: int32(numbers[0]), Offset: numbers[1]}, int(numbers[2])}, nil
}

func (t Target) String() string {
	if t.Index < 0 {
		return t.Place.String()
	}
	return fmt.Sprintf("%s:%d", t.Place, t.Index)
}

// Points reports whether a dead letter is meant.
func (t Target) Points(l *fraud.DeadLetter) bool {
	return t.Place == l.Place() && (t.Index < 0 || t.Index == int(l.Index))
}

func (t Target) among(letters []fraud.Letter) bool {
	return slices.ContainsFunc(letters, func(l fraud.Letter) bool { return t.Points(&l.DeadLetter) })
}

// PositionOf is how a dead letter's position is written.
func PositionOf(l *fraud.DeadLetter) string {
	if l.Whole {
		return l.Place().String()
	}
	return Target{l.Place(), int(l.Index)}.String()
}
