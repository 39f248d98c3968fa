import { expect, it } from "vitest";

import { matchTopic } from "./topic";

it.each([
  ["fleet/acme/drivers/+/location", "fleet/acme/drivers/d7/location", true],
  ["fleet/acme/drivers/+/location", "fleet/acme/drivers/d7/8/location", false],
  ["fleet/acme/drivers/+/location", "fleet/acme/drivers/d7", false],
  ["fleet/acme/#", "fleet/acme", true],
  ["fleet/acme/#", "fleet/acme2/drivers/d7/location", false],
  ["fleet/acme", "fleet/acme/drivers", false],
  ["#", "$SYS/broker", false],
  ["+/broker", "$SYS/broker", false],
  ["$SYS/#", "$SYS/broker", true],
])("matchTopic(%s, %s) is %s", (filter, topic, want) => expect(matchTopic(filter, topic)).toBe(want));
