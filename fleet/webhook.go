package fleet

import (
	"net/url"
	"time"
)

// A Webhook is where events of a fleet are delivered, in order.
type Webhook struct {
	Fleet, ID string
	URL       string
	Kinds     []string // as in EventQuery; empty is all
	Secret    string   // signs the deliveries
	Disabled  bool
	CreatedAt time.Time

	Cursor     int64     // through this event it is delivered
	ReplayedAt time.Time // when the cursor was set back, or the webhook made
	Failures   int       // in a row, of the event after Cursor
	RetryAt    time.Time // not before; zero is now
	LastError  string
}

const maxURL = 2048

// Validate returns an *InvalidError for what can never be stored.
func (w *Webhook) Validate() error {
	u, err := url.Parse(w.URL)
	switch {
	case !ValidID(w.Fleet):
		return Invalid("fleet", "is not an id")
	case !ValidID(w.ID):
		return Invalid("id", "is not an id")
	case err != nil || len(w.URL) > maxURL || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") || !ValidText(w.URL):
		return Invalid("url", "must be an http or https URL without a user")
	case len(w.Kinds) > 100:
		return Invalid("kinds", "are too many")
	case len(w.Secret) > MaxReference || !ValidText(w.Secret):
		return Invalid("secret", "is too long or not plain text")
	}
	for _, k := range w.Kinds {
		if k == "" || len(k) > MaxID || !ValidText(k) {
			return Invalid("kinds", "holds one that is not a kind")
		}
	}
	return nil
}
