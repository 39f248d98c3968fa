// Package chaos holds dray to its promises: it runs the real program as real
// processes, loads it over real MQTT, breaks something from outside, and then
// compares what was acknowledged with what is in the database.
//
// The invariants are those of docs/reliability.md: nothing acknowledged is
// missing, nothing is stored twice, nothing is invented, each driver's reports
// are delivered in order, service is back in seconds, memory and disk stay
// bounded.
package chaos
