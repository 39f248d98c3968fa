package main

import "fmt"

// A bar is what a figure is held to: alone, or as a ratio to that of another
// system or of another figure.
type bar struct {
	scenario, what string
	of, to         [2]string // system and figure; an empty to is the figure itself
	least, most    float64   // one of them
}

const (
	dray      = "dray"
	mosquitto = "mosquitto"
	mochi     = "mochi"
	rooms     = "Socket.IO rooms"
	plain     = "Socket.IO"
)

// The names of figures.
const (
	acked       = "acknowledged"
	cpuPublish  = "CPU per 100,000"
	cpuDeliver  = "CPU per million deliveries"
	lost        = "deliveries lost"
	cpuLoad     = "server CPU"
	ackP50      = "acknowledgement p50"
	ackP99      = "acknowledgement p99"
	deliveryP50 = "delivery p50"
	deliveryP99 = "delivery p99"
	tcpMemory   = "memory of a TCP connection"
	wsMemory    = "memory of a WebSocket connection"
	connects    = "connects"
	stored      = "positions stored"
	committed   = "acknowledgement to row p99"
	drainRate   = "drained"
	drainMemory = "memory meanwhile, most"
	statusP50   = "status to dispatcher p50"
	statusP99   = "status to dispatcher p99"
)

var bars = []bar{
	{scenario: "publish", what: "acknowledged, × mosquitto", of: [2]string{dray, acked}, to: [2]string{mosquitto, acked}, least: 4},
	{scenario: "publish", what: "acknowledged, × Socket.IO rooms", of: [2]string{dray, acked}, to: [2]string{rooms, acked}, least: 100},
	{scenario: "publish", what: "CPU, × mosquitto", of: [2]string{dray, cpuPublish}, to: [2]string{mosquitto, cpuPublish}, most: 0.25},
	{scenario: "publish", what: "deliveries lost", of: [2]string{dray, lost}, most: 0},
	{scenario: "fanout", what: "CPU, × mosquitto", of: [2]string{dray, cpuDeliver}, to: [2]string{mosquitto, cpuDeliver}, most: 1.0 / 6},
	{scenario: "fanout", what: "deliveries lost", of: [2]string{dray, lost}, most: 0},
	{scenario: "live", what: "CPU of watching, live × raw", of: [2]string{"live frames", cpuLoad}, to: [2]string{"raw feed", cpuLoad}, most: 0.05},
	{scenario: "latency", what: "delivery p50, × mosquitto", of: [2]string{dray, deliveryP50}, to: [2]string{mosquitto, deliveryP50}, most: 2},
	{scenario: "latency", what: "delivery p99, × mosquitto", of: [2]string{dray, deliveryP99}, to: [2]string{mosquitto, deliveryP99}, most: 2},
	{scenario: "latency", what: "server CPU, × mosquitto", of: [2]string{dray, cpuLoad}, to: [2]string{mosquitto, cpuLoad}, most: 3},
	{scenario: "idle", what: "KB of a TCP connection", of: [2]string{dray, tcpMemory}, most: 24},
	{scenario: "idle", what: "KB of a WebSocket connection", of: [2]string{dray, wsMemory}, most: 28},
	{scenario: "storm", what: "connects per second", of: [2]string{dray, connects}, least: 3000},
	{scenario: "storm", what: "delivery p99 meanwhile, ms", of: [2]string{dray, deliveryP99}, most: 250},
	{scenario: "stalled", what: "delivery p99, × without", of: [2]string{"with", deliveryP99}, to: [2]string{"without", deliveryP99}, most: 2},
	{scenario: "stalled", what: "acknowledgement p99, × without", of: [2]string{"with", ackP99}, to: [2]string{"without", ackP99}, most: 2},
	{scenario: "stalled", what: "MB more memory", of: [2]string{"with", "heap more"}, most: 2},
	{scenario: "drain", what: "drained/s, of 1,000 that go on", of: [2]string{dray, drainRate}, least: 10 * liveRate},
	{scenario: "drain", what: "delivery p99, × without", of: [2]string{"with a backlog", deliveryP99}, to: [2]string{"without", deliveryP99}, most: 2},
	{scenario: "drain", what: "acknowledgement p99, × without", of: [2]string{"with a backlog", ackP99}, to: [2]string{"without", ackP99}, most: 2},
	{scenario: "drain", what: "MB of memory", of: [2]string{dray, drainMemory}, most: 256},
	{scenario: "status", what: "SQLite, p99 in ms", of: [2]string{"SQLite", statusP99}, most: 300},
	{scenario: "status", what: "PostgreSQL, p99 in ms", of: [2]string{"PostgreSQL", statusP99}, most: 300},
	{scenario: "store", what: "PostgreSQL, positions/s", of: [2]string{"PostgreSQL", stored}, least: 60_000},
	{scenario: "store", what: "PostgreSQL, × one UPDATE per message", of: [2]string{"PostgreSQL", stored}, to: [2]string{"one UPDATE per message", stored}, least: 50},
	{scenario: "store", what: "SQLite, positions/s", of: [2]string{"SQLite", stored}, least: 45_000},
	{scenario: "store", what: "acknowledgement to row p99, ms", of: [2]string{dray, committed}, most: 500},
	{scenario: "read", what: "a driver-day in PostgreSQL, ms", of: [2]string{"PostgreSQL", driverDay}, most: 10},
	{scenario: "read", what: "a driver-day in SQLite, ms", of: [2]string{"SQLite", driverDay}, most: 10},
	{scenario: "read", what: "the same packed in PostgreSQL, ms", of: [2]string{"PostgreSQL", packedDay}, most: 5},
	{scenario: "read", what: "the same packed in SQLite, ms", of: [2]string{"SQLite", packedDay}, most: 5},
	{scenario: "read", what: "bytes a position, PostgreSQL", of: [2]string{"PostgreSQL", density}, most: 16},
	{scenario: "read", what: "bytes a position, SQLite", of: [2]string{"SQLite", density}, most: 16},
	{scenario: "read", what: "latest of 10,000 in PostgreSQL, ms", of: [2]string{"PostgreSQL", latest}, most: 50},
	{scenario: "read", what: "latest of 10,000 in SQLite, ms", of: [2]string{"SQLite", latest}, most: 50},
	{scenario: "read", what: "1 % of the area in PostgreSQL, ms", of: [2]string{"PostgreSQL", area}, most: 10},
	{scenario: "read", what: "1 % of the area in SQLite, ms", of: [2]string{"SQLite", area}, most: 10},
}

// value returns what is held to the bar, if it was measured.
func (b *bar) value(r *report) (float64, bool) {
	of := r.find(b.scenario, b.of[0], b.of[1])
	if of == nil {
		return 0, false
	}
	if b.to == ([2]string{}) {
		return of.Median, true
	}
	to := r.find(b.scenario, b.to[0], b.to[1])
	if to == nil || to.Median <= 0 { // noise, where differences are measured
		return 0, false
	}
	return of.Median / to.Median, true
}

func (b *bar) verdict(value float64) string {
	switch {
	case b.least > 0 && value < b.least:
		return fmt.Sprintf("MISSED  at least %s", digits(b.least))
	case b.least > 0:
		return fmt.Sprintf("ok      at least %s", digits(b.least))
	case value > b.most:
		return fmt.Sprintf("MISSED  at most %s", digits(b.most))
	}
	return fmt.Sprintf("ok      at most %s", digits(b.most))
}
