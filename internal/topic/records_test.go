package topic

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	said    = 1_000_000_000_000 // what the producer says the time is
	stamped = 1_700_000_000_000 // what the broker does
)

// recordBatch makes a batch as a broker keeps it: of the records that still exist from base to last.
func recordBatch(base, last int64, attributes int16, compress bool, offsets ...int64) []byte {
	var records []byte
	for _, offset := range offsets {
		r := kmsg.NewRecord()
		r.TimestampDelta64 = offset - base
		r.OffsetDelta = int32(offset - base)
		r.Key = fmt.Appendf(nil, "k%d", offset)
		r.Value = fmt.Appendf(nil, "v%d", offset)
		r.Headers = []kmsg.Header{{Key: "h", Value: []byte("1")}}
		body := r.AppendTo(nil)[1:] // without the length, which is a single byte of zero
		records = append(binary.AppendVarint(records, int64(len(body))), body...)
	}
	return rawBatch(base, last, attributes, compress, len(offsets), records)
}

func rawBatch(base, last int64, attributes int16, compress bool, count int, records []byte) []byte {
	if compress {
		attributes |= 4
		w, err := zstd.NewWriter(nil)
		if err != nil {
			panic(err)
		}
		records = w.EncodeAll(records, nil)
	}
	batch := kmsg.RecordBatch{
		FirstOffset: base, Length: int32(49 + len(records)), Magic: 2, Attributes: attributes,
		LastOffsetDelta: int32(last - base), FirstTimestamp: said, MaxTimestamp: stamped,
		NumRecords: int32(count), Records: records,
	}
	b := batch.AppendTo(nil)
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], castagnoli))
	return b
}

func TestRecordsComeOffsetByOffset(t *testing.T) {
	flipped := recordBatch(10, 11, 8, false, 10, 11)
	flipped[len(flipped)-3] ^= 1
	for _, c := range []struct {
		name string
		data []byte
		from int64
		want []int64
		next int64
		err  error
	}{
		{name: "nothing", from: 10, next: 10},
		{name: "two batches", data: append(recordBatch(10, 11, 8, false, 10, 11), recordBatch(12, 12, 8, true, 12)...),
			from: 10, want: []int64{10, 11, 12}, next: 13},
		{name: "a batch that begins before the offset", data: recordBatch(10, 13, 8, true, 10, 11, 12, 13),
			from: 12, want: []int64{12, 13}, next: 14},
		{name: "a batch that ends before the offset", data: recordBatch(10, 11, 8, false, 10, 11), from: 12, next: 12},
		{name: "a last batch that is cut short",
			data: append(recordBatch(10, 11, 8, false, 10, 11), recordBatch(12, 12, 8, true, 12)[:70]...),
			from: 10, want: []int64{10, 11}, next: 12},
		{name: "a batch is missing", data: recordBatch(12, 12, 8, false, 12), from: 10, next: 10, err: &GapError{10, 12}},
		{name: "a record is missing", data: recordBatch(10, 12, 8, false, 10, 12), from: 10, want: []int64{10}, next: 11,
			err: &GapError{11, 12}},
		{name: "the last record is missing", data: recordBatch(10, 12, 8, false, 10, 11), from: 10, want: []int64{10, 11},
			next: 12, err: &GapError{12, 13}},
		{name: "a changed bit", data: flipped, from: 10, next: 10, err: errChecksum},
	} {
		t.Run(c.name, func(t *testing.T) {
			messages, next, err := appendRecords(nil, c.data, c.from)
			var offsets []int64
			for _, m := range messages {
				offsets = append(offsets, m.Offset)
				if string(m.Key) != fmt.Sprintf("k%d", m.Offset) || string(m.Value) != fmt.Sprintf("v%d", m.Offset) {
					t.Errorf("offset %d has %q: %q", m.Offset, m.Key, m.Value)
				}
			}
			if diff := cmp.Diff(c.want, offsets); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(fmt.Sprint(c.err), fmt.Sprint(err)); diff != "" {
				t.Error(diff)
			}
			if next != c.next {
				t.Errorf("next is %d, want %d", next, c.next)
			}
		})
	}
}

func TestTimeIsTheBrokersWhereTheTopicStamps(t *testing.T) {
	for _, c := range []struct {
		name       string
		attributes int16
		compress   bool
		want       Message
	}{
		{"a topic that stamps", 8, false, Message{Stamped: true, Appended: time.UnixMilli(stamped).UTC()}},
		{"a topic that stamps, compressed", 8, true, Message{Stamped: true, Appended: time.UnixMilli(stamped).UTC()}},
		{"a topic that does not", 0, false, Message{Appended: time.UnixMilli(said + 1).UTC()}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, err := appendRecords(nil, recordBatch(10, 11, c.attributes, c.compress, 10, 11), 11)
			if err != nil {
				t.Fatal(err)
			}
			c.want.Offset, c.want.Key, c.want.Value = 11, []byte("k11"), []byte("v11")
			c.want.Headers = []Header{{"h", []byte("1")}}
			if diff := cmp.Diff([]Message{c.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBatchThatCannotBeUnpackedStillAnswersForItsOffsets(t *testing.T) {
	for name, batch := range map[string][]byte{
		"unpacks to more than is allowed": rawBatch(10, 12, 8, true, 3, make([]byte, maxUnpacked+1)),
		"an unknown compression":          rawBatch(10, 12, 8|7, false, 3, []byte("what")),
		"records of another form":         rawBatch(10, 12, 8, true, 3, bytes.Repeat([]byte{0xff}, 40)),
		"a length beyond the end":         rawBatch(10, 12, 8, false, 3, []byte{0x7e, 0, 0, 0}),
	} {
		t.Run(name, func(t *testing.T) {
			got, next, err := appendRecords(nil, batch, 11)
			if err != nil || next != 13 {
				t.Fatalf("next %d, %v", next, err)
			}
			at := time.UnixMilli(stamped).UTC()
			want := []Message{
				{Offset: 11, Appended: at, Stamped: true, Unreadable: true},
				{Offset: 12, Appended: at, Stamped: true, Unreadable: true},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzRecordsNeverPanic(f *testing.F) {
	f.Add(recordBatch(10, 12, 8, false, 10, 11, 12), int64(10))
	f.Add(recordBatch(10, 12, 0, true, 10, 12), int64(11))
	f.Fuzz(func(t *testing.T, data []byte, from int64) {
		if len(data) > checksumStart { // or nearly everything would end at the checksum
			binary.BigEndian.PutUint32(data[17:], crc32.Checksum(data[checksumStart:], castagnoli))
		}
		from &= 1<<62 - 1
		messages, next, _ := appendRecords(nil, data, from)
		if next != from+int64(len(messages)) {
			t.Fatalf("%d messages from %d lead to %d", len(messages), from, next)
		}
	})
}
