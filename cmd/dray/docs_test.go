package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	shown = regexp.MustCompile("(?m)(?:`|^ *|\\()(?:\\./bin/)?dray ([a-z][^`\n#|]*)") // a command: in backticks, in a block, in $(…)
	flag  = regexp.MustCompile(`--([a-z][a-z._-]*)`)
)

// The commands and flags that the documents show are there.
func TestCommandsInTheDocuments(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, "../../README.md", "../../CONTRIBUTING.md", "../../SECURITY.md", "../../deployments/dray.service")
	seen := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range shown.FindAllStringSubmatch(string(text), -1) {
			root, err := newRoot()
			if err != nil {
				t.Fatal(err)
			}
			cmd, _, err := root.Find(strings.Fields(m[1]))
			if err != nil || cmd == root {
				t.Errorf("%s shows dray %s: %v", file, m[1], err)
				continue
			}
			for c := cmd; c != root; c = c.Parent() {
				seen[c.Name()] = true
			}
			for _, f := range flag.FindAllStringSubmatch(m[1], -1) {
				if cmd.Flag(f[1]) == nil {
					t.Errorf("%s shows dray %s: there is no --%s", file, m[1], f[1])
				}
			}
		}
	}
	root, err := newRoot()
	if err != nil {
		t.Fatal(err)
	}
	for _, cmd := range root.Commands() {
		if !seen[cmd.Name()] {
			t.Errorf("no document shows dray %s", cmd.Name())
		}
	}
}
