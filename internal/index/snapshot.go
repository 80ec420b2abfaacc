package index

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A snapshot is a base as it stands in memory, and how far in the changes it reaches:
//
//	header, partitions, ends of the 65,536 directory entries (uint32), records, origins and expiries (uint32 each),
//	SHA-256 of all before
//
// integers little-endian. The filter is made anew, which takes as long as reading it would.
const (
	snapshotName   = "index.snapshot"
	snapshotFormat = 3
)

var snapshotMagic = [8]byte{'w', 's', 'p', '-', 'i', 'n', 'd', 'x'}

type snapshotHeader struct {
	Magic                                             [8]byte
	Format, RecordSize                                uint32
	Epoch                                             uint64
	Records, Digests, Origins, Expiries, NumPositions uint64
	Written                                           int64 // Unix milliseconds
}

type snapshotPosition struct{ Partition, Next, AsOf int64 }

// restored is a snapshot that was read.
type restored struct {
	base    *frozen
	reach   map[int]position
	written time.Time
}

// snapshot folds and writes the base, if the index is ready, there is a place for it, and something is new.
func (x *Index) snapshot() {
	if x.cfg.SnapshotDir == "" || !x.ready.Load() {
		return
	}
	base, reach := x.fold()
	began := time.Now()
	err := writeSnapshot(x.cfg.SnapshotDir, func(w io.Writer) error {
		return encodeSnapshot(w, &restored{base, reach, x.now()}, x.cfg.Epoch)
	})
	if err != nil {
		x.failures.Inc()
		x.log.Error("snapshot not written: the node runs on, and will load the store at its next start", "error", err)
		return
	}
	x.snapshots.Inc()
	x.log.Debug("snapshot written", "opinions", base.n, "took", time.Since(began))
}

// writeSnapshot replaces the file in one step: after a crash there is the old one or the new one, whole.
func writeSnapshot(dir string, encode func(io.Writer) error) (err error) {
	path := filepath.Join(dir, snapshotName)
	file, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	err = encode(file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		return fmt.Errorf("write snapshot: %w", errors.Join(err, ignoreMissing(os.Remove(path+".tmp"))))
	}
	// The new name is durable once its directory is.
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	if err = errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func encodeSnapshot(to io.Writer, s *restored, epoch uint16) error {
	f := s.base
	sum := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(to, sum), 1<<20)
	positions := make([]snapshotPosition, 0, len(s.reach))
	for p, at := range s.reach {
		asOf := int64(0)
		if !at.asOf.IsZero() {
			asOf = at.asOf.UnixMilli()
		}
		positions = append(positions, snapshotPosition{int64(p), at.next, asOf})
	}
	slices.SortFunc(positions, func(a, b snapshotPosition) int { return cmp.Compare(a.Partition, b.Partition) })
	ends := make([]uint32, 1<<dirBits)
	for i := range ends {
		ends[i] = f.dir[(i+1)<<(f.bits-dirBits)]
	}
	for _, part := range []any{
		snapshotHeader{
			Magic: snapshotMagic, Format: snapshotFormat, RecordSize: recordSize, Epoch: uint64(epoch),
			Records: uint64(f.n), Digests: uint64(f.digests), Origins: uint64(len(f.origins.values)),
			Expiries: uint64(len(f.expiries.values)), NumPositions: uint64(len(positions)), Written: s.written.UnixMilli(),
		},
		positions, ends,
	} {
		if err := binary.Write(w, binary.LittleEndian, part); err != nil {
			return err
		}
	}
	if _, err := w.Write(f.records); err != nil {
		return err
	}
	for _, values := range [][]uint32{f.origins.values, f.expiries.values} {
		for _, v := range values {
			if _, err := w.Write(binary.LittleEndian.AppendUint32(w.AvailableBuffer(), v)); err != nil {
				return err
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := to.Write(sum.Sum(nil))
	return err
}

// restore reads the snapshot; nil when there is none, or none that is good.
func (x *Index) restore() *restored {
	if x.cfg.SnapshotDir == "" {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(x.cfg.SnapshotDir, snapshotName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var s *restored
	if err == nil {
		s, err = decodeSnapshot(data, x.cfg.Epoch)
	}
	if err != nil {
		x.log.Warn("snapshot refused, loading the store instead", "error", err)
		return nil
	}
	return s
}

// decodeSnapshot believes nothing before the sum is right, and no size after.
func decodeSnapshot(data []byte, epoch uint16) (*restored, error) {
	if len(data) < sha256.Size {
		return nil, errors.New("snapshot: cut short")
	}
	body := data[:len(data)-sha256.Size]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], data[len(body):]) {
		return nil, errors.New("snapshot: its SHA-256 is wrong: it was cut short or changed")
	}
	var h snapshotHeader
	n, err := binary.Decode(body, binary.LittleEndian, &h)
	switch {
	case err != nil || h.Magic != snapshotMagic:
		return nil, errors.New("snapshot: not a snapshot of an index")
	case h.Format != snapshotFormat || h.RecordSize != recordSize:
		return nil, fmt.Errorf("snapshot: format %d is not this program's %d", h.Format, snapshotFormat)
	case h.Epoch != uint64(epoch):
		return nil, fmt.Errorf("snapshot: of key epoch %d, this hub is at %d", h.Epoch, epoch)
	}
	rest := uint64(len(body) - n)
	const positionSize = 24
	if h.NumPositions > 1<<20 || h.Records > rest/recordSize || h.Origins > h.Records || h.Expiries > h.Records ||
		h.Digests > h.Records ||
		rest != h.NumPositions*positionSize+4<<dirBits+h.Records*recordSize+4*(h.Origins+h.Expiries) {
		return nil, errors.New("snapshot: its sizes do not add up")
	}
	body = body[n:]
	s := &restored{reach: map[int]position{}, written: time.UnixMilli(h.Written).UTC()}
	positions := make([]snapshotPosition, h.NumPositions)
	n, _ = binary.Decode(body, binary.LittleEndian, positions)
	for _, p := range positions {
		s.reach[int(p.Partition)] = position{p.Next, timeOf(p.AsOf)}
	}
	ends, body := body[n:n+4<<dirBits], body[n+4<<dirBits:]
	f := &frozen{
		n: int(h.Records), digests: int(h.Digests), records: body[: h.Records*recordSize : h.Records*recordSize],
	}
	f.makeRoom(f.n)
	f.origins.values, f.expiries.values = make([]uint32, h.Origins), make([]uint32, h.Expiries)
	body = body[h.Records*recordSize:]
	n, _ = binary.Decode(body, binary.LittleEndian, f.origins.values)
	_, _ = binary.Decode(body[n:], binary.LittleEndian, f.expiries.values)
	if err := f.derive(ends); err != nil {
		return nil, err
	}
	s.base = f
	return s, nil
}

// derive makes the directory and the marks from the records and the ends of the coarsest directory.
func (f *frozen) derive(ends []byte) error {
	i := 0
	for top := range uint64(1 << dirBits) {
		end := int(binary.LittleEndian.Uint32(ends[4*top:]))
		if end < i || end > f.n {
			return errors.New("snapshot: its directory is wrong")
		}
		for ; i < end; i++ {
			f.dir[f.bucket(tagAt(top, f.mid(i), 0))+1]++
			if f.content(i)&hasOrigin != 0 {
				f.origins.mark(i)
			}
			if f.content(i)&hasExpiry != 0 {
				f.expiries.mark(i)
			}
		}
	}
	if origins, expiries := f.sum(); i != f.n || origins != len(f.origins.values) || expiries != len(f.expiries.values) {
		return errors.New("snapshot: its directory is wrong")
	}
	return nil
}
