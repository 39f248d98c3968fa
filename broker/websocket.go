package broker

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
)

// ServeHTTP upgrades a request to MQTT over WebSocket (MQTT 5 section 6). The
// page that asks must be of the same origin or of an allowed one, and must
// speak the subprotocol "mqtt".
func (b *Broker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !b.originAllowed(r) {
		b.metrics.connects("foreign origin").Inc()
		http.Error(w, "this origin may not connect; see http.origins", http.StatusForbidden)
		return
	}
	if !offersMQTT(r) {
		http.Error(w, `the subprotocol "mqtt" is required`, http.StatusBadRequest)
		return
	}
	deflate := wsflate.Extension{Parameters: wsflate.Parameters{
		ServerNoContextTakeover: true,
		ClientNoContextTakeover: true,
	}}
	upgrader := ws.HTTPUpgrader{
		Protocol:  func(p string) bool { return p == "mqtt" },
		Negotiate: declining(deflate.Negotiate),
		Timeout:   b.opts.Limits.ConnectTimeout,
	}
	nc, rw, _, err := upgrader.Upgrade(r, w)
	if err != nil {
		return // the upgrader has answered
	}
	_ = nc.SetDeadline(time.Time{})
	_, compress := deflate.Accepted()
	early := make([]byte, rw.Reader.Buffered())
	if _, err := rw.Reader.Read(early); len(early) > 0 && err != nil {
		_ = nc.Close()
		return
	}
	b.admit(newWSConn(nc, early, compress), "ws", arrived(r))
}

// declining leaves the extensions out of an offer that is not understood, where
// the library would refuse the upgrade (RFC 7692 section 5).
func declining[Offer any](negotiate func(Offer) (Offer, error)) func(Offer) (Offer, error) {
	return func(offer Offer) (none Offer, _ error) {
		accepted, err := negotiate(offer)
		if err != nil {
			return none, nil
		}
		return accepted, nil
	}
}

// originAllowed judges the Origin header: what is no browser has none.
func (b *Broker) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(b.opts.Origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || r.TLS != nil && u.Scheme != "https" { // behind a proxy the scheme is not known
		return false
	}
	return strings.EqualFold(u.Host, r.Host)
}

func offersMQTT(r *http.Request) bool {
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(line, ",") {
			if strings.TrimSpace(p) == "mqtt" {
				return true
			}
		}
	}
	return false
}

var _ net.Conn = (*wsConn)(nil)
