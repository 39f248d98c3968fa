package dray_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const licensesHead = `dray is under the Apache License 2.0. What it is made of is under the licences
below: Go modules first, then what the web pages are made of. The built-in map
is made from Natural Earth (public domain) and GeoNames (CC BY 4.0,
https://www.geonames.org).
`

// Of these the licence is OSI-approved and asks for no more than its own text.
var permissive = regexp.MustCompile(`Permission is hereby granted, free of charge` + // MIT
	`|Permission to use, copy, modify, and(/or)? distribute` + // ISC
	`|Redistribution and use in source and binary forms` + // BSD
	`|Apache License\s+Version 2\.0` +
	`|Eclipse Distribution License` + // BSD; what has EPL beside it lets us choose
	`|Mozilla Public License,? [Vv]ersion 2\.0`) // of a tool, unchanged

var copyleft = regexp.MustCompile(`(?m)^\s*GNU (AFFERO |LESSER )?GENERAL PUBLIC LICENSE|Server Side Public License|Business Source License|Commons Clause`)

// Every Go module that is built or tested with has a licence that CONTRIBUTING.md
// allows, and those in the binary are reproduced in it, as their licences ask.
func TestLicenses(t *testing.T) {
	for path, texts := range licensesOf(t, "-test", "./...") {
		all := strings.Join(texts, "\n")
		if !permissive.MatchString(all) || copyleft.MatchString(all) {
			t.Errorf("%s: the licence is not one of those that are allowed", path)
		}
	}

	inBinary := licensesOf(t, "./cmd/dray")
	inBinary["the Go standard library"] = inBinary["golang.org/x/net"] // the same authors and text
	byText := map[string][]string{}
	for path, texts := range inBinary {
		text := strings.Join(texts, "\n\n")
		byText[text] = append(byText[text], path)
	}
	var sections []string
	for text, paths := range byText {
		slices.Sort(paths)
		sections = append(sections, "\n"+strings.Repeat("=", 80)+"\n"+strings.Join(paths, "\n")+"\n\n"+text+"\n")
	}
	slices.Sort(sections)
	want := licensesHead + strings.Join(sections, "")
	const file = "cmd/dray/licenses.txt"
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, string(read(t, file))); diff != "" {
		t.Errorf("%s is not up to date (-want +got); run with -update:\n%s", file, diff)
	}
}

var licenseFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice)`)

// licensesOf returns the texts of the modules of packages, by the module's path.
func licensesOf(t *testing.T, packages ...string) map[string][]string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps",
		"-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}{{end}}{{end}}"}, packages...)...)
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		path, dir, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok || found[path] != nil {
			continue
		}
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if !f.IsDir() && licenseFile.MatchString(f.Name()) {
				found[path] = append(found[path], strings.TrimSpace(string(read(t, filepath.Join(dir, f.Name())))))
			}
		}
		if found[path] == nil {
			t.Errorf("%s has no licence", path)
			found[path] = []string{}
		}
	}
	return found
}

// The npm packages that are delivered to browsers are under permissive licences;
// the build writes their texts into the bundle.
func TestLicensesOfTheWeb(t *testing.T) {
	var lock struct {
		Packages map[string]struct {
			License string
			Dev     bool
		}
	}
	if err := json.Unmarshal(read(t, "web/package-lock.json"), &lock); err != nil {
		t.Fatal(err)
	}
	allowed := []string{"MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "0BSD", "(MIT OR Apache-2.0)"}
	for path, p := range lock.Packages {
		if !p.Dev && !slices.Contains(allowed, p.License) {
			t.Errorf("%s: licence %q", path, p.License)
		}
	}
}
