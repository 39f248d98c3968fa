import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import "../ui/tokens.css";
import "./dispatcher.css";
import "./screens.css";
import { Credentials } from "../mqtt/credentials";
import { App } from "./App";
import { tabVault } from "./vault";

const credentials = new Credentials("dispatcher", tabVault);
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
