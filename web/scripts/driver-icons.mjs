// Draws the icons of the driver PWA from public/icon.svg with Chromium, into
// public/driver. Run by hand when the drawing changes: node scripts/driver-icons.mjs
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const at = (path) => fileURLToPath(new URL(`../public/${path}`, import.meta.url));
const svg = await readFile(at("icon.svg"), "utf8");
const background = svg.match(/<rect[^>]*fill="(#\w+)"/)[1];

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage();

/** drawn is the part of the icon's width that the drawing takes; the rest is its background. */
async function draw(file, size, drawn) {
  await page.setViewportSize({ width: size, height: size });
  const fill = drawn < 1 ? background : "transparent";
  await page.setContent(
    `<style>html,body{margin:0;background:${fill}}svg{display:block;width:${drawn * size}px;margin:${((1 - drawn) / 2) * size}px}</style>${svg}`,
  );
  await page.screenshot({ path: at(`driver/${file}`), omitBackground: true });
}

await draw("icon-192.png", 192, 1);
await draw("icon-512.png", 512, 1);
await draw("icon-maskable-512.png", 512, 0.8); // a mask may cut away all but a circle of 80 %
await browser.close();
