package main

import (
	"os/exec"
	"regexp"
	"testing"
)

// What is acknowledged is counted, and every dispatcher has got all of it.
func TestBench(t *testing.T) {
	p := start(t, t.TempDir())
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"mqtt://" + p.MQTT, "ws://" + p.HTTP + "/mqtt"} {
		cmd := exec.Command(path, "bench", "--url", url, "--drivers", "5", "--rate", "50", "--dispatchers", "2", "--duration", "500ms")
		cmd.Env = environment(p.dir)
		out, err := cmd.CombinedOutput()
		if err != nil || !regexp.MustCompile(`(?s)^acknowledged +[1-9]\d* .*delivered +([1-9]\d*) of `).Match(out) {
			t.Errorf("dray bench --url %s: %v\n%s", url, err, out)
		}
	}
}

func TestBenchAddr(t *testing.T) {
	for url, want := range map[string]string{
		"mqtt://10.0.0.1:1883":     "10.0.0.1:1883",
		"ws://localhost:8080/mqtt": "ws://localhost:8080/mqtt",
		"mqtt://localhost":         "",
		"http://localhost:8080":    "",
		"localhost:1883":           "",
	} {
		if got, err := benchAddr(url); got != want || (err == nil) != (want != "") {
			t.Errorf("benchAddr(%q) = %q, %v; want %q", url, got, err, want)
		}
	}
}
