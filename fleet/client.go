package fleet

import "time"

// A Client is one live MQTT connection, as its broker counts it.
type Client struct {
	ID          string // MQTT client id
	Fleet       string
	Subject     string
	Role        Role
	Driver      string // for whom a device reports; empty when for itself
	Address     string // host:port of the peer
	Protocol    string // "3.1.1" or "5", with "/ws" over WebSocket
	ConnectedAt time.Time
	Received    int64   // publications
	Sent        int64   // publications
	ReceiveRate float64 // publications a second, of the last seconds
	SendRate    float64
	QueueBytes  int64 // waiting to be written
	Dropped     int64 // publications that this client did not get
}

// BrokerStatus is how a broker is doing.
type BrokerStatus struct {
	Ready       bool // it takes connections and its stream answers
	Connections int
	StartedAt   time.Time
	Received    int64 // publications since the start
	Delivered   int64
	Dropped     int64
}
