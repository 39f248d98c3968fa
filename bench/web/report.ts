/** One figure, and how large it may be at most. */
interface Bar {
  name: string;
  value: number;
  unit: string;
  most: number;
}

const shown = (value: number) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

/** Prints figures as they are measured, then every bar with `ok` or `MISSED`. */
export class Report {
  private readonly bars: Bar[] = [];

  /** Prints a figure that nothing is promised of. */
  figure(name: string, value: number, unit: string) {
    console.log(`       ${name.padEnd(64)} ${shown(value)} ${unit}`);
  }

  /** Prints a figure and holds it against the most that it may be. */
  bar(name: string, value: number, unit: string, most: number) {
    this.figure(name, value, unit);
    this.bars.push({ name, value, unit, most });
  }

  /** Prints the bars. Returns how many were missed. */
  finish(): number {
    console.log();
    const missed = this.bars.filter(({ value, most }) => !(value <= most));
    for (const bar of this.bars) {
      console.log(`${missed.includes(bar) ? "MISSED" : "ok    "} ${bar.name.padEnd(64)} ${shown(bar.value)} of ${bar.most} ${bar.unit}`);
    }
    return missed.length;
  }
}
