import type { MercatorPoint } from "./mercator";

/** Floats for each vehicle: from x y, to x y, start, duration, heading from and to, shape. */
export const STRIDE = 9;
/** The shape of a slot whose vehicle is nowhere yet. */
export const HIDDEN = -1;
/** What is added to the shape of a vehicle that a cluster stands for. The shader knows it too. */
const CLUSTERED = 8;

const SHORTEST = 0.25; // s: the time between two frames
const LONGEST = 6;
const JUMP = 2e-4; // of the world, 8 km at the equator: nothing drives so far between two fixes, so it does not glide

/**
 * The vehicles as the GPU sees them: each on its way from where it was drawn to
 * its newest fix, in about the time that its fixes are apart. Positions are
 * relative to an anchor, because a float holds only 2 m of the whole world.
 * Times are seconds of the caller's clock.
 */
export class Glides {
  data = new Float32Array(64 * STRIDE);
  count = 0;
  anchor: MercatorPoint = { x: 0.5, y: 0.5 };
  /** When the last glide ends: until then the map must be drawn again. */
  movingUntil = 0;

  private exact = new Float64Array(64 * 4); // from x y, to x y
  private dirty: number[] = [];

  /** still: vehicles jump instead of gliding, for people whom motion disturbs. */
  constructor(private readonly still = false) {}

  /** Sends the vehicle of slot on its way to point. heading is in degrees, NaN to keep the one it has. */
  move(slot: number, point: MercatorPoint, heading: number, now: number) {
    this.reserve(slot);
    const f = slot * STRIDE;
    const e = slot * 4;
    const first = this.data[f + 8] === HIDDEN;
    const from = first ? point : this.at(slot, now);
    const glide = !first && !this.still && Math.hypot(point.x - from.x, point.y - from.y) < JUMP;
    const sinceLast = now - this.data[f + 4];
    const duration = glide ? Math.min(LONGEST, Math.max(SHORTEST, sinceLast)) : 0;
    this.exact.set(glide ? [from.x, from.y, point.x, point.y] : [point.x, point.y, point.x, point.y], e);

    const before = this.data[f + 7];
    const after = Number.isNaN(heading) ? before : (heading * Math.PI) / 180;
    const turn = Math.atan2(Math.sin(after - before), Math.cos(after - before)); // the short way round
    this.data[f + 4] = now;
    this.data[f + 5] = duration;
    this.data[f + 6] = first ? after : before;
    this.data[f + 7] = first ? after : before + turn;
    if (first) this.data[f + 8] = 0;
    this.relate(slot);
    this.dirty.push(slot);
    this.movingUntil = Math.max(this.movingUntil, now + duration);
  }

  /** Sets how the vehicle is drawn. Returns whether that changed anything. */
  shape(slot: number, shape: number): boolean {
    const i = slot * STRIDE + 8;
    if (slot >= this.count || this.data[i] === HIDDEN) return false;
    return this.set(i, this.data[i] >= CLUSTERED ? shape + CLUSTERED : shape, slot);
  }

  /** Sets whether a cluster stands for the vehicle. Returns whether that changed anything. */
  cluster(slot: number, clustered: boolean): boolean {
    const i = slot * STRIDE + 8;
    if (slot >= this.count || this.data[i] === HIDDEN) return false;
    return this.set(i, (this.data[i] % CLUSTERED) + (clustered ? CLUSTERED : 0), slot);
  }

  /** Takes the vehicle off the map. */
  hide(slot: number) {
    if (slot < this.count) this.set(slot * STRIDE + 8, HIDDEN, slot);
  }

  private set(i: number, value: number, slot: number): boolean {
    if (this.data[i] === value) return false;
    this.data[i] = value;
    this.dirty.push(slot);
    return true;
  }

  /** Where the vehicle of slot is drawn at the moment now. */
  at(slot: number, now: number): MercatorPoint {
    const [start, duration] = [this.data[slot * STRIDE + 4], this.data[slot * STRIDE + 5]];
    const k = duration > 0 ? Math.min(1, Math.max(0, (now - start) / duration)) : 1;
    const e = slot * 4;
    const [x0, y0, x1, y1] = [this.exact[e], this.exact[e + 1], this.exact[e + 2], this.exact[e + 3]];
    return { x: x0 + (x1 - x0) * k, y: y0 + (y1 - y0) * k };
  }

  /** How the vehicle is, as shape was told; HIDDEN for nowhere. */
  state(slot: number): number {
    return this.data[slot * STRIDE + 8] % CLUSTERED;
  }

  /** Whether the vehicle of slot is somewhere. */
  placed(slot: number): boolean {
    return slot < this.count && this.data[slot * STRIDE + 8] !== HIDDEN;
  }

  /** Whether it is drawn, and not only counted by a cluster. */
  visible(slot: number): boolean {
    return this.placed(slot) && this.data[slot * STRIDE + 8] < CLUSTERED;
  }

  /** How long the glide of slot takes, in seconds. */
  duration(slot: number): number {
    return this.data[slot * STRIDE + 5];
  }

  /** The slot nearest to point and within radius, or -1. */
  nearest(point: MercatorPoint, radius: number, now: number): number {
    let [best, distance] = [-1, radius * radius];
    for (let slot = 0; slot < this.count; slot++) {
      if (!this.visible(slot)) continue;
      const p = this.at(slot, now);
      const d = (p.x - point.x) ** 2 + (p.y - point.y) ** 2;
      if (d < distance) [best, distance] = [slot, d];
    }
    return best;
  }

  /** Moves the origin of the floats; everything is to be uploaded anew. */
  anchorAt(point: MercatorPoint) {
    this.anchor = point;
    for (let slot = 0; slot < this.count; slot++) this.relate(slot);
  }

  /** The runs of slots to upload, [first, end), since the last call. Runs close to one another are one. */
  takeDirty(): [number, number][] {
    const runs: [number, number][] = [];
    for (const slot of this.dirty.sort((a, b) => a - b)) {
      const last = runs.at(-1);
      if (last && slot < last[1] + 32) last[1] = Math.max(last[1], slot + 1);
      else runs.push([slot, slot + 1]);
    }
    this.dirty = [];
    return runs;
  }

  private reserve(slot: number) {
    if ((slot + 1) * STRIDE > this.data.length) {
      const capacity = Math.max(slot + 1, (this.data.length / STRIDE) * 2);
      const [data, exact] = [new Float32Array(capacity * STRIDE), new Float64Array(capacity * 4)];
      data.set(this.data);
      exact.set(this.exact);
      [this.data, this.exact] = [data, exact];
    }
    for (; this.count <= slot; this.count++) this.data[this.count * STRIDE + 8] = HIDDEN;
  }

  private relate(slot: number) {
    for (let i = 0; i < 4; i++) {
      this.data[slot * STRIDE + i] = this.exact[slot * 4 + i] - (i % 2 === 0 ? this.anchor.x : this.anchor.y);
    }
  }
}
