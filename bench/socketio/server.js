// The design that dray replaces: every position is one UPDATE, acknowledged
// when it is committed, and then sent to everybody, or with --rooms to the
// dispatchers alone.
import { createServer } from "node:http";
import { Server } from "socket.io";
import pg from "pg";

const rooms = process.argv.includes("--rooms");
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
await pool.query(`CREATE TABLE IF NOT EXISTS drivers (
  id text PRIMARY KEY, lat double precision, lon double precision, accuracy_m real,
  speed_mps real, heading_deg real, battery_pct real, fix_at timestamptz)`);

const http = createServer();
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false });

io.on("connection", async (socket) => {
  const { role, id } = socket.handshake.query;
  if (role === "dispatcher") {
    socket.join("dispatchers");
    return;
  }
  socket.on("driver:locationUpdate", async (fix, acknowledge) => {
    await pool.query(
      `UPDATE drivers SET lat = $2, lon = $3, accuracy_m = $4, speed_mps = $5, heading_deg = $6,
       battery_pct = $7, fix_at = to_timestamp($8 / 1000.0) WHERE id = $1`,
      [id, fix.lat, fix.lon, fix.accuracy_m, fix.speed_mps, fix.heading_deg, fix.battery_pct, fix.fix_at],
    );
    (rooms ? io.to("dispatchers") : io).emit("driver:locationUpdated", { id, ...fix });
    acknowledge();
  });
  await pool.query("INSERT INTO drivers (id) VALUES ($1) ON CONFLICT DO NOTHING", [id]);
});

http.listen(Number(process.env.PORT), "127.0.0.1");
