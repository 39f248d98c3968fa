package sqlite

import (
	"os"
	"path/filepath"
	"testing"
)

// The default data directory is a relative one.
func TestBackupOfRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("data", 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), filepath.Join("data", "dray.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), filepath.Join("data", "copy.db")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join("data", "copy.db"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("the copy: error %v, mode %v", err, info.Mode())
	}
}
