// Package sim is a fleet that does not exist: drivers who move along streets of
// a named city and report over real MQTT, as the driver app does. A fix leaves
// the outbox only when it is acknowledged; after an outage the newest goes
// first and the backlog follows in arrays.
//
// It serves demonstrations, load, and the tests of what an acknowledgement
// means: with a ledger it writes down what was acknowledged.
package sim
