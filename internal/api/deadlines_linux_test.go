package api

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// onPipe is the deadline of reading from a pipe, into which other writes; alarms counts how often the pipe's own is set.
func onPipe(t *testing.T) (d *deadline, read func() error, other net.Conn, alarms *int) {
	t.Helper()
	ours, other := net.Pipe()
	t.Cleanup(func() { _, _ = ours.Close(), other.Close() })
	alarms = new(int)
	d = &deadline{set: func(at time.Time) error {
		*alarms++
		return ours.SetReadDeadline(at)
	}}
	return d, func() error {
		return d.wait(func() error {
			_, err := ours.Read(make([]byte, 1))
			return err
		})
	}, other, alarms
}

func TestAWaitEndsAtItsDeadlineWheneverThatWasSet(t *testing.T) {
	const s = time.Second
	in := func(d time.Duration) time.Time { return time.Now().Add(d) }
	type world struct {
		*deadline
		other net.Conn
		read  func() error
	}
	for _, c := range []struct {
		situation string
		before    func(w *world)
		meanwhile func(w *world) // one second after the wait has begun
		ends      time.Duration  // after the wait has begun
		bySomeone bool           // who sends something
	}{
		{situation: "set before", before: func(w *world) { _ = w.move(in(3 * s)) }, ends: 3 * s},
		{situation: "over before", before: func(w *world) { _ = w.move(in(-s)) }},
		{situation: "set meanwhile", meanwhile: func(w *world) { _ = w.move(in(3 * s)) }, ends: 4 * s},
		{situation: "brought forward meanwhile", before: func(w *world) { _ = w.move(in(9 * s)) },
			meanwhile: func(w *world) { _ = w.move(in(s)) }, ends: 2 * s},
		{situation: "put off meanwhile", before: func(w *world) { _ = w.move(in(3 * s)) },
			meanwhile: func(w *world) { _ = w.move(in(9 * s)) }, ends: 10 * s},
		{situation: "taken away meanwhile", before: func(w *world) { _ = w.move(in(3 * s)) },
			meanwhile: func(w *world) {
				_ = w.move(time.Time{})
				time.Sleep(20 * s)
				_, _ = w.other.Write([]byte{1})
			}, ends: 21 * s, bySomeone: true},
		{situation: "interrupted before", before: func(w *world) { _ = w.move(time.Unix(1, 0)) }},
		{situation: "interrupted meanwhile", before: func(w *world) { _ = w.move(in(9 * s)) },
			meanwhile: func(w *world) { _ = w.move(time.Unix(1, 0)) }, ends: s},
		{situation: "an earlier wait was interrupted", before: func(w *world) {
			go func() { time.Sleep(s); _ = w.move(time.Unix(1, 0)) }()
			_ = w.read()
			_ = w.move(in(3 * s))
		}, ends: 3 * s},
		{situation: "an earlier wait had an earlier one, and it is long over", before: func(w *world) {
			_ = w.move(in(s))
			_ = w.read()
			time.Sleep(9 * s)
			_ = w.move(in(3 * s))
		}, ends: 3 * s},
		{situation: "an earlier wait had a later one", before: func(w *world) {
			_ = w.move(in(60 * s))
			go func() { _, _ = w.other.Write([]byte{1}) }()
			_ = w.read()
			_ = w.move(in(3 * s))
		}, ends: 3 * s},
	} {
		t.Run(c.situation, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, read, other, _ := onPipe(t)
				w := &world{d, other, read}
				if c.before != nil {
					c.before(w)
				}
				if c.meanwhile != nil {
					go func() { time.Sleep(s); c.meanwhile(w) }()
				}
				began := time.Now()
				err := read()
				if took := time.Since(began); took != c.ends || errors.Is(err, os.ErrDeadlineExceeded) == c.bySomeone {
					t.Errorf("it ends after %s with %v, want %s", took, err, c.ends)
				}
			})
		})
	}
}

// What net/http does with deadlines for each request, a hundred times within a second.
func TestQuickRequestsSetOneAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, read, other, alarms := onPipe(t)
		for range 100 {
			_ = d.move(time.Now().Add(patient.idle))
			go func() { time.Sleep(10 * time.Millisecond); _, _ = other.Write([]byte{1}) }()
			if err := read(); err != nil {
				t.Fatal(err)
			}
			for _, at := range []time.Time{time.Now().Add(patient.head), time.Now().Add(patient.whole), {}, time.Unix(1, 0)} {
				_ = d.move(at)
			}
			if err := read(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("the read that net/http ends: %v", err)
			}
			_ = d.move(time.Time{})
		}
		if *alarms != 1 {
			t.Errorf("%d alarms were set", *alarms)
		}
	})
}

// A long answer goes on after an alarm that rang too early, where it was.
func TestAnAlarmThatRingsEarlyLosesNothingOfAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, other := net.Pipe()
		u := &unhurried{Conn: ours, reads: deadline{set: ours.SetReadDeadline}, writes: deadline{set: ours.SetWriteDeadline}}
		_ = u.SetWriteDeadline(time.Now().Add(3 * time.Second))
		go func() {
			time.Sleep(time.Second)
			_ = u.SetDeadline(time.Now().Add(time.Minute))
		}()
		sent := make(chan error, 1)
		go func() {
			_, err := u.Write([]byte("0123456789"))
			sent <- errors.Join(err, u.Close())
		}()
		var got []byte
		for b := make([]byte, 1); ; {
			time.Sleep(time.Second)
			if _, err := io.ReadFull(other, b); err != nil {
				break
			}
			got = append(got, b...)
		}
		if err := <-sent; err != nil || string(got) != "0123456789" {
			t.Errorf("%q was read, and writing ended with %v", got, err)
		}
	})
}
