import type { Device, DeviceSecret } from "../../api/shapes";

/** Where a device finds the server. */
export interface Server {
  host: string;
  port: number;
  tls: boolean;
}

/**
 * What a device needs to sign in, as the text of a QR code. OwnTracks takes a
 * link that configures it (its documentation, "Remote configuration": `_type`
 * configuration, mode 0 is MQTT); the others get plain JSON.
 */
export function deviceSetup({ id, kind, driver }: Pick<Device, "id" | "kind" | "driver">, { username, secret }: DeviceSecret, { host, port, tls }: Server): string {
  if (kind !== "owntracks") return JSON.stringify({ host, port, tls, username, password: secret });
  const configuration = {
    _type: "configuration", mode: 0, host, port, tls, ws: false, auth: true, username, password: secret,
    clientId: id, deviceId: id, tid: id.slice(-2), pubTopicBase: `owntracks/${driver || id}/${id}`, cleanSession: false, pubQos: 1,
  };
  return `owntracks:///config?inline=${btoa(JSON.stringify(configuration))}`;
}
