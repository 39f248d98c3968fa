// MQTT.js and what it is made of call Node's process by its bare name, which browsers do not have.
const nextTick = (task: (...args: unknown[]) => void, ...args: unknown[]) => queueMicrotask(() => task(...args));
Object.assign(globalThis, { process: { env: {}, nextTick } });
