import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { Credentials } from "../mqtt/credentials";
import { adoptLink, App } from "./App";
import "./driver.css";
import { t } from "./messages";
import { vault } from "./vault";

document.title = t("app.name");
const credentials = new Credentials("driver", vault);
await credentials.restore().catch(() => {}); // without storage: sign in, and the next screen says what is wrong
const notice = await adoptLink(credentials);

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App credentials={credentials} notice={notice} />
  </StrictMode>,
);
