package stream

import "testing"

func TestSyncIsAsserted(t *testing.T) {
	l := open(t, t.TempDir(), Options{Sync: SyncSecond})
	if err := assertSync(l.server.server, SyncAlways); err == nil {
		t.Error("a server that does not sync every write passed")
	}
	if l.ID(0) != "" {
		t.Error("numbers of frames that a power cut can take back have an identity")
	}
	if l := open(t, t.TempDir(), Options{}); l.ID(0) == "" {
		t.Error("the default is not to sync every write")
	}
}
