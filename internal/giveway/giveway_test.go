package giveway

import (
	"runtime"
	"sync/atomic"
	"testing"
)

func TestPassLetsOthersGoFirst(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var went atomic.Bool
	go went.Store(true)
	for range 3 { // the scheduler may take up this goroutine first, but not again and again
		new(Turn).Pass()
	}
	if !went.Load() {
		t.Error("who was ready to run has not run")
	}
}
