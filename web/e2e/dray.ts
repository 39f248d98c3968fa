import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const binary = process.env.E2E_BINARY ?? fileURLToPath(new URL("../../bin/dray", import.meta.url));

interface Addresses {
  http: string;
  mqtt: string;
}

/** A real `dray serve` with a data directory of its own, on free ports of loopback. */
export class Dray {
  private constructor(
    private readonly data: string,
    private readonly env: NodeJS.ProcessEnv,
    private process: ChildProcess,
    readonly addresses: Addresses,
  ) {}

  /** Starts one and waits until it listens. settings are its configuration variables, such as DRAY_INGEST_MIN_INTERVAL. */
  static async start(settings: Record<string, string> = {}, args: string[] = []): Promise<Dray> {
    const data = mkdtempSync(join(tmpdir(), "dray-e2e-"));
    const any = "127.0.0.1:0";
    const env = { ...process.env, DRAY_DATA_DIR: data, DRAY_HTTP_ADDR: any, DRAY_MQTT_ADDR: any, DRAY_ADMIN_ADDR: any, ...settings };
    const { child, addresses } = await serve(env, args);
    return new Dray(data, env, child, addresses);
  }

  get url(): string {
    return `http://${this.addresses.http}`;
  }

  /** A token of this server. */
  token(role: string, sub: string, ...more: string[]): string {
    return execFileSync(binary, ["token", "--fleet", "acme", "--role", role, "--sub", sub, ...more], { env: this.env, encoding: "utf8" }).trim();
  }

  /** Drives a simulated fleet for some seconds, each driver with one fix a second. Returns what the program says of it. */
  async simulate(drivers: number, seconds: number): Promise<string> {
    const args = ["sim", "--url", `mqtt://${this.addresses.mqtt}`, "--fleet", "acme", "--drivers", `${drivers}`, "--duration", `${seconds}s`];
    return (await promisify(execFile)(binary, args, { env: this.env })).stdout;
  }

  /** Calls the API and returns what it answers; throws when that is no success. */
  async api<T>(token: string, method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, ...(body && { "Content-Type": "application/json" }) },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text ? JSON.parse(text) : null) as T;
  }

  async stop() {
    await end(this.process, "SIGTERM");
    rmSync(this.data, { recursive: true, force: true });
  }

  /** Ends it as a power cut would. */
  kill() {
    return end(this.process, "SIGKILL");
  }

  /** Starts it again, on the same data and addresses. */
  async again() {
    const { child } = await serve({ ...this.env, DRAY_HTTP_ADDR: this.addresses.http, DRAY_MQTT_ADDR: this.addresses.mqtt }, []);
    this.process = child;
  }
}

/** Starts the program and waits for the line of its log that tells where it listens. */
async function serve(env: NodeJS.ProcessEnv, args: string[]): Promise<{ child: ChildProcess; addresses: Addresses }> {
  const child = spawn(binary, ["serve", ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const said: string[] = [];
  const addresses = await new Promise<Addresses>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        said.push(line);
        if (line.includes('"msg":"listening"')) resolve(JSON.parse(line) as Addresses);
      });
    }
    child.once("exit", () => reject(new Error(`dray serve ended:\n${said.join("\n")}`)));
  });
  return { child, addresses };
}

async function end(child: ChildProcess, signal: NodeJS.Signals) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, "exit");
}

/** A network between a browser and a server, that can be cut. */
export class Network {
  private readonly pairs = new Set<[Socket, Socket]>();
  private isCut = false;
  private readonly server: Server;

  private constructor(to: string) {
    const [host, port] = to.split(":");
    this.server = createServer((client) => {
      if (this.isCut) return void client.destroy();
      const upstream = connect(Number(port), host);
      const pair: [Socket, Socket] = [client, upstream];
      this.pairs.add(pair);
      client.pipe(upstream).pipe(client);
      for (const socket of pair) {
        socket.on("error", () => {});
        socket.on("close", () => {
          for (const s of pair) s.destroy();
          this.pairs.delete(pair);
        });
      }
    });
  }

  /** Opens one to a `host:port`. */
  static async to(address: string): Promise<Network> {
    const network = new Network(address);
    network.server.listen(0, "127.0.0.1");
    await once(network.server, "listening");
    return network;
  }

  /** What the browser opens. localhost is a secure context, as HTTPS is. */
  get url(): string {
    return `http://localhost:${(this.server.address() as AddressInfo).port}`;
  }

  cut() {
    this.isCut = true;
    for (const pair of this.pairs) for (const socket of pair) socket.destroy();
  }

  mend() {
    this.isCut = false;
  }

  async close() {
    this.cut();
    this.server.close();
    await once(this.server, "close");
  }
}
