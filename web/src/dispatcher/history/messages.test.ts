import { expect, it } from "vitest";

import { compareCatalogues } from "../../i18n/catalogues";
import { de } from "./messages.de";
import { en } from "./messages.en";

it("has every message in German, with the same holes", () => expect(compareCatalogues(en, de)).toEqual([]));
