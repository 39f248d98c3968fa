const FIRST = 1_000;
const LONGEST = 30_000;

/**
 * How long to wait before the next attempt, in milliseconds: doubling from one
 * second to thirty, each with jitter over its upper half, so that a fleet
 * which lost its server does not return in one wave.
 */
export class Backoff {
  private attempt = 0;

  next(): number {
    const ceiling = Math.min(LONGEST, FIRST * 2 ** Math.min(this.attempt++, 16));
    return ceiling * (0.5 + Math.random() / 2);
  }

  reset() {
    this.attempt = 0;
  }
}
