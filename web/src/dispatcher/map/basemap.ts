import { layers, namedFlavor, type Flavor } from "@protomaps/basemaps";
import type { StyleSpecification } from "maplibre-gl";

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

/**
 * The style of the embedded basemap. It names no glyphs, so that labels are
 * drawn with fonts of this machine and nothing is loaded from elsewhere.
 */
export function basemapStyle(scheme: Scheme, language: string): StyleSpecification {
  const all = layers("basemap", flavors[scheme], { lang: language });
  return {
    version: 8,
    sources: {
      basemap: { type: "vector", url: `pmtiles://${location.origin}/basemap/world10.pmtiles`, attribution },
    },
    layers: all.filter((layer) => layer.type === "background" || ("source-layer" in layer && held.has(layer["source-layer"]))) as StyleSpecification["layers"],
  };
}
