// Package load puts an MQTT 3.1.1 broker under load and measures it from
// outside: acknowledged publishes, deliveries to dispatchers, and latencies.
//
// It speaks MQTT itself, with fixed packets and many publishes in one write, so
// that one core of load can saturate a fast broker; any client library is the
// bottleneck long before.
package load
