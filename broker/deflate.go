package broker

import (
	"bytes"
	"compress/flate"
	"io"
	"sync"
)

// Messages are compressed each on its own: a window per connection would cost
// more memory than all else of it.

var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(io.Discard, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is constant and valid
	}
	return w
}}

var inflaters = sync.Pool{New: func() any { return flate.NewReader(bytes.NewReader(nil)) }}

// syncTail ends a flushed block; RFC 7692 section 7.2.1 leaves it out.
var syncTail = []byte{0, 0, 0xff, 0xff}

func deflate(p []byte) []byte {
	var out bytes.Buffer
	out.Grow(len(p) / 2)
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	w.Reset(&out)
	// A bytes.Buffer takes everything.
	_, _ = w.Write(p)
	_ = w.Flush()
	return bytes.TrimSuffix(out.Bytes(), syncTail)
}

// inflate returns at most most bytes; a message that is larger is an error.
func inflate(p []byte, most int) ([]byte, error) {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	src := io.MultiReader(bytes.NewReader(p), bytes.NewReader(syncTail), bytes.NewReader([]byte{1, 0, 0, 0xff, 0xff}))
	if err := r.(flate.Resetter).Reset(src, nil); err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err != nil {
		return nil, errWSProtocol
	}
	if len(out) > most {
		return nil, errWSLarge
	}
	return out, nil
}
