import { useQueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";

import type { Credentials } from "../mqtt/credentials";
import { Dashboard } from "./Dashboard";
import { Login } from "./Login";

/** The login until somebody is signed in, then their fleet. */
export function App({ credentials }: { credentials: Credentials }) {
  const who = useSyncExternalStore(credentials.onChange, () => (credentials.signedIn ? whoIs(credentials) : null));
  const queries = useQueryClient();
  if (!who) return <Login credentials={credentials} />;
  const signOut = () => {
    queries.clear(); // the next user must not see this one's fleet
    void credentials.logout();
  };
  return <Dashboard key={who} credentials={credentials} onSignOut={signOut} />;
}

/** The same through every renewal of the token, another for another user. */
const whoIs = ({ claims }: Credentials) => (claims ? `${claims.fleet}/${claims.sub}` : null);
