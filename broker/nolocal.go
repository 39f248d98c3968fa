package broker

import "github.com/dray-fleet/dray/fleet"

// keepsFrom reports whether what the connection itself publishes to topic is kept
// from it: that is so when every subscription of its own that selects the topic is
// a no-local one [MQTT-3.8.3-3]. The engine takes one such for all.
func (c *conn) keepsFrom(topic string) bool {
	cl := c.client.Load()
	if cl == nil || cl.State.Subscriptions.Len() == 0 {
		return false
	}
	noLocal := false
	for filter, sub := range cl.State.Subscriptions.GetAll() {
		if !fleet.MatchTopic(filter, topic) { // a share of a group is not its own
			continue
		}
		if !sub.NoLocal {
			return false
		}
		noLocal = true
	}
	return noLocal
}
