// Package socketio loads a Socket.IO server (server.js in this folder) from
// outside, as package load does with MQTT brokers: the reference for what dray
// replaces.
package socketio
