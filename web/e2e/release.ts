import { createServer, request, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";

/** A proxy in front of a server that can hand out the service worker of a newer version, of which all else is the same. */
export class Release {
  newer = false;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  private constructor(to: string) {
    const [host, port] = to.split(":");
    this.server = createServer((asked, answer) => {
      const isNewer = this.newer && asked.url === "/driver/sw.js";
      const headers = { ...asked.headers };
      if (isNewer) for (const name of ["accept-encoding", "if-none-match"]) delete headers[name]; // so that all of it comes, as it is
      const upstream = request({ host, port, path: asked.url, method: asked.method, headers }, (got) => {
        if (isNewer) delete got.headers["content-length"];
        answer.writeHead(got.statusCode!, got.headers);
        got.pipe(answer, { end: !isNewer });
        if (isNewer) got.on("end", () => answer.end("\n// newer"));
      });
      upstream.on("error", () => answer.destroy());
      asked.pipe(upstream);
    });
    this.server.on("upgrade", (asked, client: Socket) => {
      const upstream = connect(Number(port), host);
      for (const socket of [client, upstream]) {
        this.sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          client.destroy();
          upstream.destroy();
        });
      }
      const lines = asked.rawHeaders.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`));
      upstream.write(`GET ${asked.url} HTTP/1.1\r\n${lines.join("")}\r\n`);
      client.pipe(upstream).pipe(client);
    });
  }

  static async of(address: string): Promise<Release> {
    const release = new Release(address);
    await new Promise<void>((resolve) => release.server.listen(0, "127.0.0.1", resolve));
    return release;
  }

  get url(): string {
    return `http://localhost:${(this.server.address() as AddressInfo).port}`;
  }

  close() {
    for (const socket of this.sockets) socket.destroy();
    this.server.closeAllConnections();
    this.server.close();
  }
}
