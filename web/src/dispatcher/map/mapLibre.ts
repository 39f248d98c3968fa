import { AttributionControl, Map as MapLibre, ScaleControl, addProtocol, setWorkerUrl } from "maplibre-gl";
import workerURL from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import { Protocol } from "pmtiles";

import { basemapStyle, type Scheme } from "./basemap";

setWorkerUrl(workerURL); // MapLibre 6 cannot find its worker in a bundle
addProtocol("pmtiles", new Protocol().tile);

/** A flat map of what `map.source` names, north up, with its attribution and a scale. schemeNow is asked when a style is loaded. */
export function newMap(container: HTMLElement, source: string, schemeNow: () => Scheme, language: string, fadeDuration: number): MapLibre {
  const map = new MapLibre({
    container,
    style: basemapStyle(source, schemeNow(), language),
    center: [10, 35],
    zoom: 1.6,
    maxZoom: 19,
    maxPitch: 0,
    dragRotate: false,
    pitchWithRotate: false,
    renderWorldCopies: false,
    attributionControl: false,
    fadeDuration,
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new AttributionControl({ compact: false }), "bottom-right");
  map.addControl(new ScaleControl({ maxWidth: 120 }), "bottom-left");
  map.setMissingStyleImageResolver((id) => {
    // The style marks towns; the embedded map has no sprites.
    if (id === "townspot" || id === "capital") map.addImage(id, dot(schemeNow(), id === "capital"), { pixelRatio: 2 });
  });
  return map;
}

/** Whether WebGL is drawn by the processor: then every frame is dear. */
export function isSoftware(canvas: HTMLCanvasElement): boolean {
  const gl = canvas.getContext("webgl2");
  const info = gl?.getExtension("WEBGL_debug_renderer_info");
  return /swiftshader|llvmpipe|software/i.test(String(info && gl?.getParameter(info.UNMASKED_RENDERER_WEBGL)));
}

/** What a style's paint takes for a custom property of the page. */
export function cssColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** A town's mark, drawn for a screen of two pixels to a point. */
function dot(scheme: Scheme, capital: boolean): ImageData {
  const size = 16;
  const context = new OffscreenCanvas(size, size).getContext("2d")!;
  context.fillStyle = scheme === "dark" ? "#8b97a4" : "#6d7178";
  context.beginPath();
  context.arc(size / 2, size / 2, capital ? 6 : 4, 0, 2 * Math.PI);
  context.fill();
  return context.getImageData(0, 0, size, size);
}
