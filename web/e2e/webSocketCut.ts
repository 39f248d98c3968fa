import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** A proxy in front of a server that can cut WebSockets and leave HTTP alone, as some company networks do. */
export class WebSocketCut {
  private readonly sockets = new Set<Socket>();
  private readonly webSockets = new Set<Socket>();
  private isCut = false;
  /** Requests seen, by method and path without the query. */
  readonly requests: string[] = [];
  private readonly server: Server;

  private constructor(to: string) {
    const [host, port] = to.split(":");
    this.server = createServer((client) => {
      const upstream = connect(Number(port), host);
      for (const socket of [client, upstream]) {
        this.sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          client.destroy();
          upstream.destroy();
          this.sockets.delete(socket);
          this.webSockets.delete(socket);
        });
      }
      client.on("data", (chunk: Buffer) => {
        const line = /^([A-Z]+ \/[^ ?]*)\S* HTTP\/1/.exec(chunk.toString("latin1", 0, 200));
        if (line) this.requests.push(line[1]);
        if (line?.[1] === "GET /mqtt") {
          this.webSockets.add(client);
          if (this.isCut) return void client.destroy();
        }
        upstream.write(chunk);
      });
      upstream.pipe(client);
    });
  }

  static async to(address: string): Promise<WebSocketCut> {
    const proxy = new WebSocketCut(address);
    proxy.server.listen(0, "127.0.0.1");
    await once(proxy.server, "listening");
    return proxy;
  }

  get url(): string {
    return `http://localhost:${(this.server.address() as AddressInfo).port}`;
  }

  cut() {
    this.isCut = true;
    for (const socket of this.webSockets) socket.destroy();
  }

  mend() {
    this.isCut = false;
  }

  async close() {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, "close");
  }
}
