package deadletters

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestThePaceIsKeptWhateverABatchTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		p := pace{perSecond: 200}
		for range 20 {
			if !p.wait(t.Context(), 50) {
				t.Fatal("stopped")
			}
			time.Sleep(100 * time.Millisecond) // the batch itself
		}
		// 19 batches are paid for, and the last one is under way.
		if took := time.Since(begin); took != 19*250*time.Millisecond+100*time.Millisecond {
			t.Errorf("1000 messages took %s", took)
		}
		time.Sleep(time.Hour) // what was not used is not saved up
		begin = time.Now()
		p.wait(t.Context(), 50)
		p.wait(t.Context(), 50)
		if took := time.Since(begin); took != 250*time.Millisecond {
			t.Errorf("two batches after a rest took %s", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		if begin = time.Now(); p.wait(ctx, 50) || time.Since(begin) != 10*time.Millisecond {
			t.Error("it did not end with its context")
		}
	})
}
