// Package broker is the embedded MQTT broker: a guard in front of the mochi
// engine, two fast lanes beside it, and presence.
//
// The guard owns every socket. It checks each frame before the engine sees it,
// authenticates CONNECT itself, acknowledges publishes and keeps the outbound
// side bounded, so that the engine is left with what it is good at: sessions,
// the topic tree, retained publications and QoS 1 and 2 towards subscribers.
//
// What drivers and devices publish takes the uplink: appended to the durable
// stream, acknowledged when the stream has synced it, and handed to the fan-out
// at once. Neither lane waits for the other, and neither enters the engine.
package broker
