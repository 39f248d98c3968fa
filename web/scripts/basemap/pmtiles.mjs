import { gzipSync } from "node:zlib";

/**
 * Writes a PMTiles v3 archive (github.com/protomaps/PMTiles, spec/v3): a header,
 * one root directory, metadata and gzipped vector tiles, in tile-id order.
 *
 * @param {{z: number, x: number, y: number, data: Uint8Array}[]} tiles
 * @param {object} metadata JSON metadata with `vector_layers`
 * @param {number} maxZoom
 * @returns {Buffer}
 */
export function writePMTiles(tiles, metadata, maxZoom) {
  const sorted = tiles.map((t) => ({ id: tileID(t.z, t.x, t.y), data: gzip(t.data) })).sort((a, b) => a.id - b.id);

  // Equal tiles (open sea, the inside of a country) are stored once.
  const stored = new Map(); // contents → offset
  const blobs = [];
  let length = 0;
  const entries = sorted.map(({ id, data }) => {
    const key = data.toString("latin1");
    let offset = stored.get(key);
    if (offset === undefined) {
      offset = length;
      stored.set(key, offset);
      blobs.push(data);
      length += data.length;
    }
    return { id, offset, length: data.length };
  });

  const directory = gzip(encodeDirectory(entries));
  const json = gzip(Buffer.from(JSON.stringify(metadata)));
  if (127 + directory.length > 16_384) return withLeaves(entries, json, blobs, length, maxZoom);
  return assemble(directory, Buffer.alloc(0), json, blobs, length, entries.length, maxZoom);
}

/** Splits a directory that is too long for the first 16 KiB of the file into leaves. */
function withLeaves(entries, json, blobs, length, maxZoom) {
  const leafSize = 1024;
  const leaves = [];
  const root = [];
  let at = 0;
  for (let i = 0; i < entries.length; i += leafSize) {
    const part = entries.slice(i, i + leafSize);
    const leaf = gzip(encodeDirectory(part));
    root.push({ id: part[0].id, offset: at, length: leaf.length, leaf: true });
    leaves.push(leaf);
    at += leaf.length;
  }
  return assemble(gzip(encodeDirectory(root)), Buffer.concat(leaves), json, blobs, length, entries.length, maxZoom);
}

function assemble(directory, leaves, json, blobs, dataLength, tileCount, maxZoom) {
  const header = Buffer.alloc(127);
  const rootAt = 127;
  const jsonAt = rootAt + directory.length;
  const leavesAt = jsonAt + json.length;
  const dataAt = leavesAt + leaves.length;
  header.write("PMTiles", 0, "latin1");
  header[7] = 3;
  [
    rootAt, directory.length, jsonAt, json.length, leavesAt, leaves.length, dataAt, dataLength,
    tileCount, tileCount, blobs.length, // tiles addressed, directory entries, different contents
  ].forEach((value, i) => header.writeBigUInt64LE(BigInt(value), 8 + i * 8));
  header[96] = 1; // clustered: data is in tile-id order
  header[97] = 2; // directories gzipped
  header[98] = 2; // tiles gzipped
  header[99] = 1; // tiles are MVT
  header[100] = 0;
  header[101] = maxZoom;
  const bounds = [-180, -85.05, 180, 85.05];
  bounds.forEach((degrees, i) => header.writeInt32LE(Math.round(degrees * 1e7), 102 + i * 4));
  header[118] = 2; // centre zoom; centre (0, 0)
  return Buffer.concat([header, directory, json, leaves, ...blobs]);
}

/** Columns of varints: ids as deltas, run lengths, lengths, offsets (0: right after the one before). */
function encodeDirectory(entries) {
  const out = [];
  varint(out, entries.length);
  let last = 0;
  for (const e of entries) {
    varint(out, e.id - last);
    last = e.id;
  }
  for (const e of entries) varint(out, e.leaf ? 0 : 1);
  for (const e of entries) varint(out, e.length);
  entries.forEach((e, i) => {
    const before = entries[i - 1];
    varint(out, before && e.offset === before.offset + before.length ? 0 : e.offset + 1);
  });
  return Buffer.from(out);
}

function varint(out, value) {
  while (value > 0x7f) {
    out.push((value % 0x80) | 0x80);
    value = Math.floor(value / 0x80);
  }
  out.push(value);
}

/** The number of a tile along the Hilbert curve, all lower zooms counted first. */
function tileID(z, x, y) {
  let id = 0;
  for (let i = 0; i < z; i++) id += 4 ** i;
  for (let s = 2 ** z / 2; s >= 1; s /= 2) {
    const rx = (x & s) > 0 ? 1 : 0;
    const ry = (y & s) > 0 ? 1 : 0;
    id += s * s * ((3 * rx) ^ ry);
    if (ry === 0) {
      if (rx === 1) [x, y] = [2 ** z - 1 - x, 2 ** z - 1 - y];
      [x, y] = [y, x];
    }
  }
  return id;
}

/** Gzip without a time stamp or system in its header, so that a build is repeatable. */
function gzip(data) {
  const out = gzipSync(data, { level: 9 });
  out.fill(0, 4, 8);
  out[9] = 255;
  return out;
}
