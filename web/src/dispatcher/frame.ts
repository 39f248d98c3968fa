/** Bit of an entry's flags: the driver is connected. */
export const ONLINE = 1;

/** The position of one driver in a live frame. */
export interface FrameEntry {
  /** Stands for the driver in the frames of one epoch; `names` says for whom. */
  index: number;
  lat: number;
  lon: number;
  /** Metres per second; absent is NaN. */
  speed: number;
  /** Degrees clockwise from north; absent is NaN. */
  heading: number;
  /** How old the fix was when the frame was made, in ms. */
  age: number;
  flags: number;
}

/** One conflated publication on `fleet/{fleet}/live` (docs/mqtt.md; codec/live.proto). */
export interface Frame {
  fleet: string;
  /** When the server made it, in ms since 1970 by the server's clock. */
  serverTime: number;
  sequence: number;
  /** Holds every driver of the fleet, not only those that moved. */
  keyframe: boolean;
  /** Changes when indexes start anew; older names and sequences mean nothing then. */
  epoch: number;
  entries: FrameEntry[];
  names: { index: number; driver: string }[];
}

const text = new TextDecoder();

/** Reads Protocol Buffers (protobuf.dev/programming-guides/encoding), by hand: the frames are all we need of it. */
class Reader {
  private at = 0;
  private readonly view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done() {
    return this.at >= this.bytes.length;
  }

  /** An unsigned varint; exact up to 2^53. */
  varint(): number {
    let value = 0;
    for (let scale = 1, n = 0; n < 10; n++, scale *= 0x80) {
      const byte = this.view.getUint8(this.at++);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new RangeError("varint of more than 10 bytes");
  }

  /** A zigzag varint (sint32, sint64). */
  signed(): number {
    const n = this.varint();
    return n % 2 === 0 ? n / 2 : -(n + 1) / 2;
  }

  message(): Reader {
    const length = this.varint();
    const start = this.at;
    this.at += length;
    if (this.at > this.bytes.length) throw new RangeError("field runs past the end of the frame");
    return new Reader(this.bytes.subarray(start, this.at));
  }

  string(): string {
    return text.decode(this.message().bytes);
  }

  /** A packed column; one read is one value. */
  column(read: (r: Reader) => number): number[] {
    const packed = this.message();
    const values: number[] = [];
    while (!packed.done) values.push(read(packed));
    return values;
  }

  /** Steps over a field that this version does not know. */
  skip(wireType: number) {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.at += 8;
    else if (wireType === 2) this.message();
    else if (wireType === 5) this.at += 4;
    else throw new RangeError(`wire type ${wireType}`);
  }
}

const unsigned = (r: Reader) => r.varint();
const signed = (r: Reader) => r.signed();

/** Decodes a live frame. Throws RangeError for what is none. */
export function decodeFrame(bytes: Uint8Array): Frame {
  const r = new Reader(bytes);
  const frame: Frame = { fleet: "", serverTime: 0, sequence: 0, keyframe: false, epoch: 0, entries: [], names: [] };
  let [index, lat, lon, speed, heading, age, flags]: number[][] = [[], [], [], [], [], [], []];
  while (!r.done) {
    const tag = r.varint();
    switch (tag) {
      case 0x0a: frame.fleet = r.string(); break; // 1
      case 0x10: frame.serverTime = r.varint(); break;
      case 0x18: frame.sequence = r.varint(); break;
      case 0x20: frame.keyframe = r.varint() !== 0; break;
      case 0x2a: index = r.column(unsigned); break; // 5
      case 0x32: lat = r.column(signed); break;
      case 0x3a: lon = r.column(signed); break;
      case 0x42: speed = r.column(signed); break;
      case 0x4a: heading = r.column(signed); break;
      case 0x52: age = r.column(unsigned); break; // 10
      case 0x5a: flags = r.column(unsigned); break;
      case 0x62: frame.names.push(decodeName(r.message())); break;
      case 0x68: frame.epoch = r.varint(); break;
      default: r.skip(tag & 7);
    }
  }
  for (const column of [lat, lon, speed, heading, age, flags]) {
    if (column.length !== index.length) throw new RangeError("columns of different length");
  }
  let [y, x] = [0, 0];
  for (let i = 0; i < index.length; i++) {
    y = (y + lat[i]) | 0; // wraps at 32 bits, as the encoder's sum does
    x = (x + lon[i]) | 0;
    frame.entries.push({
      index: index[i],
      lat: y / 1e7,
      lon: x / 1e7,
      speed: speed[i] < 0 ? NaN : speed[i] / 100,
      heading: heading[i] < 0 ? NaN : heading[i] / 10,
      age: age[i],
      flags: flags[i],
    });
  }
  return frame;
}

function decodeName(r: Reader) {
  const name = { index: 0, driver: "" };
  while (!r.done) {
    const tag = r.varint();
    if (tag === 0x08) name.index = r.varint();
    else if (tag === 0x12) name.driver = r.string();
    else r.skip(tag & 7);
  }
  return name;
}
