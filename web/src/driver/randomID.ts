/** A random id of 128 bits, in hexadecimal. Over plain HTTP browsers have no crypto.randomUUID. */
export const randomID = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
