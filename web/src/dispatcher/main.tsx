import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import "../ui/tokens.css";
import "./dispatcher.css";
import "./screens.css";
import { Credentials } from "../mqtt/credentials";
import { App } from "./App";
import { TabVault } from "./vault";

const credentials = new Credentials("dispatcher", new TabVault(sessionStorage, "locks" in navigator));
const queries = new QueryClient();

void credentials.restore().then(() => {
  createRoot(document.getElementById("root")!).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <App credentials={credentials} />
      </QueryClientProvider>
    </StrictMode>,
  );
});
