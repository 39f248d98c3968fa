package chaos

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// answerTime is how long an HTTP answer is waited for.
const answerTime = 3 * time.Second

// An answer is what a server said over HTTP.
type answer struct {
	header http.Header
	body   []byte
}

// request returns the status, 0 when there was no answer in time, and the answer.
func request(ctx context.Context, method, url, token string) (int, *answer) {
	return send(ctx, method, url, token, "")
}

// send is a request with a body of JSON, unless that is empty.
func send(ctx context.Context, method, url, token, body string) (int, *answer) {
	return patiently(ctx, answerTime, method, url, token, body)
}

// patiently is send with a limit of its own.
func patiently(ctx context.Context, limit time.Duration, method, url, token, body string) (int, *answer) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, &answer{}
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, &answer{}
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return 0, &answer{}
	}
	return resp.StatusCode, &answer{resp.Header, said}
}

func (a *answer) decode(v any) error { return json.Unmarshal(a.body, v) }

// metric sums the samples of a metric in the text that /metrics answers.
func (a *answer) metric(name string) float64 {
	var sum float64
	for line := range strings.Lines(string(a.body)) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest == "" || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		var v float64
		if json.Unmarshal([]byte(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' '):])), &v) == nil {
			sum += v
		}
	}
	return sum
}
