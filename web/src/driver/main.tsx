import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { Credentials } from "../mqtt/credentials";
import { adoptLink, App } from "./App";
import { t } from "./messages";
import { vault } from "./vault";
import "./styles/base.css";
import "./styles/gate.css";
import "./styles/shift.css";
import "./styles/tracking.css";
import "./styles/notice.css";
import "./styles/message.css";
import "./styles/jobs.css";
import "./styles/dialog.css";
import "./styles/duty.css";

document.title = t("app.name");
const credentials = new Credentials("driver", vault);
await credentials.restore().catch(() => {}); // without storage: sign in, and the next screen says what is wrong
const notice = await adoptLink(credentials);

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App credentials={credentials} notice={notice} />
  </StrictMode>,
);
