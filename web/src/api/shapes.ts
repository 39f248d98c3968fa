import type { Schemas } from "./client";

// What the API returns of dispatching, by the names that people use here.

/** `GET /drivers/{id}/track` as JSON. */
export interface Track {
  points: Schemas["TrackPoint"][];
  gaps: Schemas["Gap"][];
  thinned: number;
}

export type Place = Schemas["Place"];
export type Shipment = Schemas["Shipment"];
export type ShipmentStatus = Shipment["status"];
export type ShipmentEvent = Schemas["ShipmentEvent"];
export type Assignment = Schemas["Assignment"];
export type AssignmentState = Assignment["state"];
export type Alert = Schemas["Alert"];
export type Device = Schemas["Device"];
export type DeviceKind = Device["kind"];
export type DeviceSecret = Schemas["DeviceSecret"];
export type Geofence = Schemas["Geofence"];
export type Webhook = Schemas["Webhook"];

export const statuses: readonly ShipmentStatus[] = [
  "created", "assigned", "accepted", "picked_up", "in_transit", "arrived", "delivered", "failed", "returned", "cancelled",
];
export const deviceKinds: readonly DeviceKind[] = ["native", "owntracks", "teltonika", "thingsboard", "flespi"];
