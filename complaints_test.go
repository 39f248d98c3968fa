package dray_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testName  = regexp.MustCompile("`(Test\\w+)`")
	suiteName = regexp.MustCompile(`"([^"]+)"`)
	testFile  = regexp.MustCompile(`\bweb/\S+\.test\.tsx?\b`)
)

// Every line of the table of complaints names a test, and every test it names
// exists: functions, cases of storetest, and files of the web.
func TestComplaintsAreAnswered(t *testing.T) {
	var tests, suite strings.Builder
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != "."):
			return filepath.SkipDir
		case strings.HasSuffix(path, "_test.go"):
			tests.Write(read(t, path))
		case strings.HasPrefix(path, "store/storetest/") && strings.HasSuffix(path, ".go"):
			suite.Write(read(t, path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(read(t, "docs/history.md")), "| complaint | here | shown by |\n")
	if !found {
		t.Fatal("docs/history.md has no table of complaints")
	}
	rows := 0
	for _, line := range strings.Split(table, "\n")[1:] {
		cells := strings.Split(line, " | ")
		if len(cells) != 3 {
			break
		}
		rows++
		named := 0
		for _, m := range testName.FindAllStringSubmatch(cells[2], -1) {
			named++
			if !strings.Contains(tests.String(), "func "+m[1]+"(t *testing.T)") {
				t.Errorf("%s: there is no %s", cells[0], m[1])
			}
		}
		for _, m := range suiteName.FindAllStringSubmatch(cells[2], -1) {
			named++
			if !strings.Contains(suite.String(), `"`+m[1]+`"`) {
				t.Errorf("%s: storetest has no case %q", cells[0], m[1])
			}
		}
		for _, file := range testFile.FindAllString(cells[2], -1) {
			named++
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: %v", cells[0], err)
			}
		}
		if named == 0 {
			t.Errorf("%s: no test is named", cells[0])
		}
	}
	if rows < 20 {
		t.Errorf("the table has %d lines", rows)
	}
}
