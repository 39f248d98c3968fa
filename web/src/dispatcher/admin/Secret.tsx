import { useState } from "react";
import { encode } from "uqr";

import { t } from "./messages";

/** A QR code as one path; black on white in either scheme, for cameras. */
export function QRCode({ text, label }: { text: string; label: string }) {
  const { data, size } = encode(text, { ecc: "L", border: 3 });
  const path = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ""))).join("");
  return (
    <svg className="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges" data-testid="qr">
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}

/** Something to be copied, such as a secret. */
export function Copyable({ label, value, testid }: { label: string; value: string; testid?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = () => void navigator.clipboard.writeText(value).then(() => setCopied(true), () => {}); // without a permission it can still be selected
  return (
    <div className="copyable">
      <span className="hint">{label}</span>
      <code data-testid={testid}>{value}</code>
      <button className="button small" onClick={copy}>{t(copied ? "copied" : "copy")}</button>
    </div>
  );
}
