package topic

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/segmentio/kafka-go/compress"
)

// Message is one message of a partition. Its bytes are valid until the next Fetch.
type Message struct {
	Offset int64
	// Appended is when the broker took the message, in milliseconds.
	Appended time.Time
	// Stamped is false where the topic does not stamp (message.timestamp.type is not LogAppendTime): Appended is then
	// whatever the producer said.
	Stamped bool
	// Unreadable is set when the batch that holds the message cannot be unpacked: it has no key, headers or value.
	Unreadable bool
	Key, Value []byte
	Headers    []Header
}

const (
	// maxUnpacked bounds what a compressed batch may become. The broker limits only its compressed size, and a batch of
	// bundles packs ten to one.
	maxUnpacked = 64 << 20

	// maxHeaders bounds what a record can make of two bytes each, and maxRecords what a batch that cannot be read may
	// claim to hold: brokers count the records before they take them.
	maxHeaders = 256
	maxRecords = 1_000_000

	batchHeader   = 61 // bytes of a record batch before its records
	batchPrefix   = 12 // of these, what its length does not count
	checksumStart = 21 // the checksum covers everything from here

	attributeCompression = 0x07
	attributeStamped     = 0x08
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errChecksum is a fault on the way or of a disk: fetching again may help.
var errChecksum = errors.New("a record batch does not fit its checksum")

// GapError says that an offset which should come next does not exist.
type GapError struct{ Want, Got int64 }

func (e *GapError) Error() string {
	return fmt.Sprintf("offset %d is missing: the next one is %d", e.Want, e.Got)
}

// appendRecords unpacks record batches and appends their messages from offset next on. Each offset must follow on the
// one before. Kafka may cut the last batch short; it is then fetched again.
func appendRecords(dst []Message, data []byte, next int64) ([]Message, int64, error) {
	for len(data) > batchHeader {
		size := int64(batchPrefix) + int64(int32(binary.BigEndian.Uint32(data[8:])))
		if magic := data[16]; magic != 2 {
			return dst, next, fmt.Errorf("record format %d is older than Kafka 0.11", magic)
		}
		if size < batchHeader {
			return dst, next, errChecksum
		}
		if size > int64(len(data)) {
			break
		}
		batch := data[:size]
		data = data[size:]
		if crc32.Checksum(batch[checksumStart:], castagnoli) != binary.BigEndian.Uint32(batch[17:]) {
			return dst, next, errChecksum
		}
		var err error
		if dst, next, err = appendBatch(dst, batch, next); err != nil {
			return dst, next, err
		}
	}
	return dst, next, nil
}

func appendBatch(dst []Message, batch []byte, next int64) ([]Message, int64, error) {
	head := cursor{rest: batch}
	base := head.int64()
	head.take(checksumStart - 8)
	attributes := head.int16()
	last := base + int64(head.int32())
	firstTime, maxTime := head.int64(), head.int64()
	if last < next {
		return dst, next, nil
	}
	if base > next {
		return dst, next, &GapError{Want: next, Got: base}
	}
	stamped := attributes&attributeStamped != 0
	appended := func(delta int64) time.Time {
		if stamped {
			return time.UnixMilli(maxTime).UTC()
		}
		return time.UnixMilli(firstTime + delta).UTC()
	}
	payload, err := unpack(attributes&attributeCompression, batch[batchHeader:])
	if err == nil {
		all, after, err := appendEach(dst, payload, base, next, appended)
		if err == nil && after != last+1 {
			err = &GapError{Want: after, Got: last + 1}
		}
		if !errors.Is(err, errForm) {
			for i := len(dst); i < len(all); i++ {
				all[i].Stamped = stamped
			}
			return all, after, err
		}
	}
	// The broker has checked what it took, so nobody sends this by accident. Each offset still gets its answer.
	if last-next >= maxRecords {
		return dst, next, fmt.Errorf("a record batch claims %d offsets and cannot be unpacked", last-base+1)
	}
	for ; next <= last; next++ {
		at := time.UnixMilli(maxTime).UTC()
		dst = append(dst, Message{Offset: next, Appended: at, Stamped: stamped, Unreadable: true})
	}
	return dst, next, nil
}

// errForm is for records that are not in Kafka's form.
var errForm = errors.New("not records")

// appendEach reads the records of a batch, each of which must follow on the one before.
func appendEach(dst []Message, payload []byte, base, next int64, appended func(delta int64) time.Time) (
	[]Message, int64, error,
) {
	all := cursor{rest: payload}
	for len(all.rest) > 0 {
		record := cursor{rest: all.bytes()}
		record.int8()
		delta := record.varint()
		offset := base + record.varint()
		m := Message{Offset: offset, Appended: appended(delta), Key: record.bytes(), Value: record.bytes()}
		if n := record.varint(); n > 0 && n <= maxHeaders {
			m.Headers = make([]Header, n)
			for i := range m.Headers {
				m.Headers[i] = Header{Name: string(record.bytes()), Value: record.bytes()}
			}
		} else if n != 0 {
			record.bad = true
		}
		switch {
		case all.bad || record.bad:
			return dst, next, errForm
		case offset > next:
			return dst, next, &GapError{Want: next, Got: offset}
		case offset == next:
			dst = append(dst, m)
			next++
		}
	}
	return dst, next, nil
}

func unpack(compression int16, payload []byte) ([]byte, error) {
	if compression == 0 {
		return payload, nil
	}
	codec := compress.Compression(compression).Codec()
	if codec == nil {
		return nil, fmt.Errorf("unknown compression %d", compression)
	}
	r := codec.NewReader(bytes.NewReader(payload))
	defer r.Close()
	var out bytes.Buffer
	out.Grow(4 * len(payload))
	if _, err := io.Copy(&out, io.LimitReader(r, maxUnpacked+1)); err != nil {
		return nil, err
	}
	if out.Len() > maxUnpacked {
		return nil, fmt.Errorf("unpacks to more than %d bytes", maxUnpacked)
	}
	return out.Bytes(), nil
}
