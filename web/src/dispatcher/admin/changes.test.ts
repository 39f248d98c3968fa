import { expect, it } from "vitest";

import { changesOf } from "./changes";

it.each([
  ["created", null, { name: "Anna" }, [{ key: "name", before: undefined, after: "Anna" }]],
  ["renamed", { id: "d7", name: "Anna", driver: null }, { id: "d7", name: "Bea" }, [{ key: "name", before: "Anna", after: "Bea" }]],
  ["deleted", { name: "Anna", kinds: ["a"] }, undefined, [{ key: "name", before: "Anna", after: undefined }, { key: "kinds", before: '["a"]', after: undefined }]],
  ["unchanged", { name: "Anna" }, { name: "Anna" }, []],
  ["no object", 1, 2, [{ key: "", before: "1", after: "2" }]],
])("tells what is different of what was %s", (_, before, after, want) => expect(changesOf(before, after)).toEqual(want));
