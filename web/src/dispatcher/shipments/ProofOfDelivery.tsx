import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";

import { part } from "../../api/rest";
import type { ShipmentEvent } from "../../api/shapes";
import type { Fleet } from "../useFleet";
import { t } from "./messages";

interface Props {
  fleet: Fleet;
  shipment: string;
  events: readonly ShipmentEvent[];
}

/** Who took the shipment, their signature, and the photo. */
export function ProofOfDelivery({ events, ...rest }: Props) {
  const proof = events.findLast((event) => event.proof)?.proof;
  if (!proof) return null;
  return (
    <section data-testid="proof">
      <h3>{t("proof")}</h3>
      {proof.name && <p>{t("proof.name", { name: proof.name })}</p>}
      <div className="proofs">
        {proof.signature && <Picture {...rest} value={proof.signature} label={t("proof.signature")} testid="proof-signature" />}
        {proof.photo && <Picture {...rest} value={proof.photo} label={t("proof.photo")} testid="proof-photo" />}
      </div>
    </section>
  );
}

const embedded = /^data:image\/(png|jpeg|webp|svg\+xml)[;,]/;
const drawn = /^M[\d\s.,MLQCZmlqcz-]+$/; // the path of a pen
const file = /^[A-Za-z0-9_-]{1,64}$/;

/** A picture of a proof: in the report itself, as the path of a pen, or a file that was uploaded. Anything else is text: it could be an address elsewhere. */
function Picture({ fleet, shipment, value, label, testid }: Omit<Props, "events"> & { value: string; label: string; testid: string }) {
  const stored = !embedded.test(value) && !drawn.test(value) && file.test(value);
  const query = useQuery({
    queryKey: ["proof", fleet.name, shipment, value],
    enabled: stored,
    queryFn: async ({ signal }) => (await fleet.rest.response("GET", `/shipments/${part(shipment)}/proof/${part(value)}`, { signal })).blob(),
    staleTime: Infinity,
    networkMode: "always",
  });
  const url = useMemo(() => (query.data ? URL.createObjectURL(query.data) : null), [query.data]);
  useEffect(() => () => void (url && URL.revokeObjectURL(url)), [url]);
  if (embedded.test(value)) return <img src={value} alt={label} data-testid={testid} />;
  if (drawn.test(value)) return <Drawing path={value} label={label} testid={testid} />;
  if (url) return <img src={url} alt={label} data-testid={testid} />;
  return <p className="code">{value}</p>;
}

function Drawing({ path, label, testid }: { path: string; label: string; testid: string }) {
  const numbers = path.match(/-?[\d.]+/g)?.map(Number) ?? [];
  const [width, height] = [0, 1].map((axis) => Math.max(1, ...numbers.filter((_, i) => i % 2 === axis)));
  return (
    <svg className="signature" viewBox={`-4 -4 ${width + 8} ${height + 8}`} role="img" aria-label={label} data-testid={testid}>
      <path d={path} fill="none" stroke="#000" strokeWidth={2} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
