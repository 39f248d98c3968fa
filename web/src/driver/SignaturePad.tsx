import { useRef, type PointerEvent } from "react";

import { t } from "./messages";

const WIDTH = 480;
const HEIGHT = 180;

/** A field to sign in with a finger. onChange gets a PNG data URL, or nothing after it was cleared. */
export function SignaturePad({ onChange }: { onChange: (signature: string | undefined) => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const pen = () => canvas.current!.getContext("2d")!;

  function at(event: PointerEvent<HTMLCanvasElement>) {
    const box = event.currentTarget.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * WIDTH, ((event.clientY - box.top) / box.height) * HEIGHT] as const;
  }

  function begin(event: PointerEvent<HTMLCanvasElement>) {
    event.currentTarget.setPointerCapture(event.pointerId);
    const draw = pen();
    draw.lineWidth = 3;
    draw.lineCap = "round";
    draw.strokeStyle = "#111";
    draw.beginPath();
    draw.moveTo(...at(event));
  }

  function go(event: PointerEvent<HTMLCanvasElement>) {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    pen().lineTo(...at(event));
    pen().stroke();
  }

  function clear() {
    pen().clearRect(0, 0, WIDTH, HEIGHT);
    onChange(undefined);
  }

  return (
    <div className="field">
      <span>{t("proof.signature")}</span>
      <div className="signature">
        <canvas
          ref={canvas}
          width={WIDTH}
          height={HEIGHT}
          role="img"
          aria-label={t("proof.signature")}
          onPointerDown={begin}
          onPointerMove={go}
          onPointerUp={(event) => onChange(event.currentTarget.toDataURL("image/png"))}
        />
        <button type="button" className="quiet" onClick={clear}>
          {t("proof.clear")}
        </button>
      </div>
    </div>
  );
}
