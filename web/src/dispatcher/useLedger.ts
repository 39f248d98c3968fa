import { useSyncExternalStore } from "react";

import type { Ledger, Versioned } from "./ledger";

/** Everything in a ledger, drawn anew when it changes. */
export const useLedger = <T extends Versioned>(ledger: Ledger<T>): readonly T[] => useSyncExternalStore(ledger.subscribe, ledger.all);
