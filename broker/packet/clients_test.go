package packet

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

//go:embed testdata/clients.txt
var clientsFile string

// clientFrame is a frame that an existing client sent.
type clientFrame struct {
	client  string
	version byte
	frame   []byte
}

// clientFrames reads testdata/clients.txt.
func clientFrames(t testing.TB) (frames []clientFrame) {
	t.Helper()
	for line := range strings.Lines(clientsFile) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var c clientFrame
		var text string
		_, err := fmt.Sscan(line, &c.client, &c.version, &text)
		if err == nil {
			c.frame, err = hex.DecodeString(text)
		}
		if err != nil {
			t.Fatalf("testdata/clients.txt: %q: %v", line, err)
		}
		frames = append(frames, c)
	}
	return frames
}

// TestClients: nothing that a common client sends is refused.
func TestClients(t *testing.T) {
	for _, c := range clientFrames(t) {
		if n, _, err := Split(c.frame, 1<<20); n != len(c.frame) || err != nil {
			t.Errorf("%s, version %d: Split(%x) = %d, %v, want %d", c.client, c.version, c.frame, n, err, len(c.frame))
		}
		if c.frame[0]>>4 == TypeConnect {
			if got, err := ParseConnect(c.frame); err != nil || got.Version != c.version {
				t.Errorf("%s: ParseConnect(%x) = version %d, %v, want %d", c.client, c.frame, got.Version, err, c.version)
			}
		} else if err := Check(c.frame, c.version); err != nil {
			t.Errorf("%s, version %d: Check(%x) = %v", c.client, c.version, c.frame, err)
		}
	}
}
