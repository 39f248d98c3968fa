// Draws openapi.json as one readable page. Text only ever enters as text nodes.
"use strict";

/** Makes an element; children are nodes or strings. */
function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) node.setAttribute(key, value);
  node.append(...children.filter((child) => child != null));
  return node;
}

function resolve(doc, schema) {
  return schema?.$ref ? doc.components.schemas[schema.$ref.split("/").pop()] : schema;
}

/** Returns a sample value of a schema; required fields and optional ones alike. */
function sample(doc, schema, depth = 0) {
  const s = resolve(doc, schema) ?? {};
  if (s.examples?.length) return s.examples[0];
  if (s.enum) return s.enum[0];
  const type = Array.isArray(s.type) ? s.type[0] : s.type;
  switch (type) {
    case "object":
      if (depth > 5) return {};
      return Object.fromEntries(Object.entries(s.properties ?? {}).map(([key, value]) => [key, sample(doc, value, depth + 1)]));
    case "array":
      return [sample(doc, s.items, depth + 1)];
    case "integer":
    case "number":
      return s.minimum ?? 0;
    case "boolean":
      return false;
    default:
      return s.format === "date-time" ? "2026-05-01T06:00:00.000Z" : "…";
  }
}

function limits(schema) {
  const known = ["enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "default", "format"];
  return known.filter((key) => schema?.[key] !== undefined).map((key) => `${key} ${JSON.stringify(schema[key])}`).join(", ");
}

function row(...cells) {
  return el("tr", {}, ...cells.map((cell) => el("td", {}, cell)));
}

function parameters(operation) {
  if (!operation.parameters?.length) return null;
  return el("table", {}, ...operation.parameters.map((p) =>
    row(el("code", {}, p.name), p.in + (p.required ? ", required" : ""), [p.description, limits(p.schema)].filter(Boolean).join(" "))));
}

function json(title, doc, content) {
  const media = content && Object.entries(content)[0];
  if (!media) return null;
  const [type, { schema }] = media;
  return el("div", {}, el("p", {}, `${title} `, el("code", {}, Object.keys(content).join(", "))),
    type.endsWith("json") ? el("pre", {}, JSON.stringify(sample(doc, schema), null, 2)) : null);
}

function section(doc, path, method, operation) {
  const [status, success] = Object.entries(operation.responses).find(([code]) => code.startsWith("2")) ?? [];
  const failures = Object.entries(operation.responses).filter(([code]) => !code.startsWith("2"));
  return el("section", { id: operation.operationId },
    el("h3", {}, el("b", {}, method.toUpperCase()), el("code", {}, doc.servers[0].url + path)),
    el("p", {}, operation.summary),
    el("p", { class: "who" }, `May be called by: ${operation["x-roles"].join(", ")}`),
    parameters(operation),
    json("Body", doc, operation.requestBody?.content),
    json(`Answer ${status}`, doc, success?.content) ?? el("p", {}, `Answer ${status}`),
    el("p", {}, `Problems: ${failures.map(([code, f]) => `${code} ${f.description}`).join(", ")}`));
}

async function draw() {
  const response = await fetch("/api/v1/openapi.json");
  if (!response.ok) throw new Error(`openapi.json: ${response.status}`);
  const doc = await response.json();
  const all = Object.entries(doc.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })));
  const groups = Map.groupBy(all, ({ operation }) => operation.tags[0]);
  for (const [tag, operations] of groups) {
    document.getElementById("contents").append(el("a", { href: `#tag-${tag}` }, tag));
    document.getElementById("operations").append(el("h2", { id: `tag-${tag}` }, tag),
      ...operations.map(({ path, method, operation }) => section(doc, path, method, operation)));
  }
}

draw().catch((error) => document.getElementById("operations").append(el("p", {}, String(error))));
