// What MQTT.js sees of a broker that has a driver d1 and dispatchers x1 and x2:
// node mqttjs.mjs <web/package.json> <url> <d1's token> <x1's> <x2's, that ends soon> <x2's next>
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";

const [modules, url, driver, dispatcher, soon, next] = process.argv.slice(2);
const mqtt = createRequire(modules)("mqtt");
setTimeout(() => assert.fail("not within 20 s"), 20_000).unref();

const topic = (leaf) => `fleet/acme/drivers/d1/${leaf}`;
const connect = (clientId, password, options) =>
  mqtt.connectAsync(url, { protocolVersion: 5, clientId, username: clientId, password, reconnectPeriod: 0, ...options });
const watcher = `x1:${new URL(url).protocol.slice(0, -1)}`;
const resumable = { clean: false, properties: { sessionExpiryInterval: 60 } };

// Collects what a client receives, not again what it was leaving with, and waits for the next.
function inbox(client) {
  const messages = [];
  client.on("message", (topic, payload, packet) => packet.dup || messages.push({ topic, text: String(payload), packet }));
  return async () => {
    while (messages.length === 0) await once(client, "message");
    return messages.shift();
  };
}

let x = await connect(watcher, dispatcher, resumable);
let receive = inbox(x);
const grants = await x.subscribeAsync({ [topic("health")]: { qos: 2 }, [topic("location")]: { qos: 1 }, [topic("duty")]: { qos: 1 } });
assert.deepEqual(grants.map((g) => g.qos), [2, 0, 1]);

const will = { topic: topic("duty"), payload: '{"state":"off"}', qos: 1, properties: { userProperties: { why: "will" } } };
let d = await connect("d1", driver, { will });
for (const qos of [0, 1, 2]) {
  const text = JSON.stringify({ battery_pct: 50 + qos });
  await d.publishAsync(topic("health"), text, { qos, properties: { userProperties: { trip: "7", stop: ["1", "2"] } } });
  const m = await receive();
  assert.equal(m.text, text);
  assert.equal(m.packet.qos, qos);
  assert.deepEqual({ ...m.packet.properties.userProperties }, { trip: "7", stop: ["1", "2"] });
}
const fix = JSON.stringify({ fix_at: Date.now(), lat: 48.1, lon: 11.5 });
await d.publishAsync(topic("location"), fix, { qos: 1, properties: { userProperties: { trip: "8" } } });
assert.equal((await receive()).text, fix);

// The will, with its properties, of a client that is cut off.
d.stream.destroy();
const left = await receive();
assert.equal(left.text, will.payload);
assert.equal(left.packet.properties.userProperties.why, "will");

// Resume, with what came meanwhile.
await x.endAsync();
d = await connect("d1", driver);
for (let i = 0; i < 5; i++) await d.publishAsync(topic("health"), `{"battery_pct":${i}}`, { qos: 1 });
x = mqtt.connect(url, { protocolVersion: 5, clientId: watcher, username: "x1", password: dispatcher, reconnectPeriod: 0, ...resumable });
receive = inbox(x);
const [connack] = await once(x, "connect");
assert.equal(connack.sessionPresent, true);
for (let i = 0; i < 5; i++) assert.equal((await receive()).text, `{"battery_pct":${i}}`);
await x.endAsync();
await d.endAsync();

// Renewal by AUTH, of a token that came as authentication data.
const jwt = (token) => ({ authenticationMethod: "JWT", authenticationData: Buffer.from(token) });
const r = await connect("x2", undefined, { username: undefined, properties: jwt(soon) });
const answer = new Promise((resolve) => r.on("packetreceive", (p) => p.cmd === "auth" && resolve(p)));
r.handleAuth = (_packet, callback) => callback();
r._sendPacket({ cmd: "auth", reasonCode: 0x19, properties: jwt(next) });
assert.equal((await answer).reasonCode, 0);
await r.endAsync();
process.exit(0);
