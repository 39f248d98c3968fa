import { afterAll, afterEach, expect } from "vitest";

import { takeFaults } from "./page";

// Of every file of tests: no page may have thrown what nobody caught, or tried
// what its CSP forbids. Held against the file, so that another try cannot hide it.

const found: string[] = [];

afterEach(({ task }) => void found.push(...takeFaults().map((fault) => `${task.name}: ${fault}`)));
afterAll(() => expect([...found, ...takeFaults()]).toEqual([]));
