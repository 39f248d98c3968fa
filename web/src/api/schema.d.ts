export interface paths {
  "/drivers": {
    get: {
      parameters: { query?: { cursor?: string; limit?: number; bbox?: string; status?: string } };
      responses: { 200: { content: { "application/json": { items: components["schemas"]["Driver"][]; next: string | null } } } };
    };
  };
  "/drivers/{id}/track": {
    get: {
      parameters: { path: { id: string }; query?: { from?: string; to?: string; max_points?: number } };
      responses: { 200: { content: { "application/json": components["schemas"]["Track"] } } };
    };
  };
}
export interface components {
  schemas: {
    Position: {
      fix_at: string; received_at: string; lat: number; lon: number; accuracy_m?: number | null;
      speed_mps?: number | null; heading_deg?: number | null; battery_pct?: number | null; source?: string;
    };
    Driver: {
      id: string; name?: string; duty?: string | null; flags?: string[] | null;
      presence?: { state: string; at: string; reason?: string } | null;
      position?: components["schemas"]["Position"] | null;
    };
    Track: {
      driver: string; from: string; to: string;
      points: components["schemas"]["Position"][]; gaps: { from: string; to: string; missing?: number | null }[]; thinned?: number;
    };
  };
}
