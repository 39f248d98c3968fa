import { layers, namedFlavor, type Flavor } from "@protomaps/basemaps";
import type { SourceSpecification, StyleSpecification } from "maplibre-gl";

export type Scheme = "light" | "dark";

/** The deepest zoom that the embedded map has detail for. */
export const DETAIL_ENDS = 8.5;

const attribution = "Natural Earth · GeoNames CC BY 4.0";

/** What the embedded map holds; the style's other layers would find nothing in it. */
const held = new Set<unknown>(["earth", "boundaries", "places"]);

const flavors: Record<Scheme, Flavor> = {
  light: {
    ...namedFlavor("light"),
    background: "#c9dbe6", water: "#c9dbe6", earth: "#f3f1ec", boundaries: "#a9a59c",
    city_label: "#454b54", city_label_halo: "#f3f1ec", country_label: "#6d7178", ocean_label: "#5f7f95",
  },
  dark: {
    ...namedFlavor("dark"),
    background: "#141b23", water: "#141b23", earth: "#232b34", boundaries: "#55616e",
    city_label: "#b4bfca", city_label_halo: "#1b222a", country_label: "#8b97a4", ocean_label: "#6f8596",
  },
};

export const BUILTIN = "builtin";

/**
 * The style, or the address of one, for what `map.source` names: the embedded
 * map, a PMTiles archive in the Protomaps schema, raster tiles, or a style.
 */
export function basemapStyle(source: string, scheme: Scheme, language: string): StyleSpecification | string {
  const address = source === BUILTIN ? "/basemap/world10.pmtiles" : source;
  const url = new URL(address.replace(/^pmtiles:\/\//, ""), location.origin).href;
  if (/\{z\}/.test(address)) return rasterStyle(decodeURI(url));
  if (!/\.pmtiles(\?|$)/.test(address)) return url;
  const basemap: SourceSpecification = { type: "vector", url: `pmtiles://${url}` };
  const all = layers("basemap", flavors[scheme], { lang: language }) as StyleSpecification["layers"];
  if (source !== BUILTIN) return vectorStyle(basemap, all);
  return vectorStyle({ ...basemap, attribution }, all.filter((layer) => layer.type === "background" || ("source-layer" in layer && held.has(layer["source-layer"]))));
}

/** It names no glyphs, so that labels are drawn with fonts of this machine and nothing is loaded from elsewhere. */
const vectorStyle = (basemap: SourceSpecification, drawn: StyleSpecification["layers"]): StyleSpecification => ({
  version: 8, sources: { basemap }, layers: drawn,
});

const rasterStyle = (tiles: string): StyleSpecification => ({
  version: 8,
  sources: { basemap: { type: "raster", tiles: [tiles], tileSize: 256, attribution: `Map: ${new URL(tiles).host}` } },
  layers: [{ id: "basemap", type: "raster", source: "basemap" }],
});
