import { useState, type FormEvent } from "react";

import { onceKey, part } from "../../api/rest";
import { deviceKinds, type Device, type DeviceSecret } from "../../api/shapes";
import { Dialog } from "../Dialog";
import type { Fleet } from "../useFleet";
import { deviceSetup } from "./deviceSetup";
import { ListTable } from "./ListTable";
import { t } from "./messages";
import { timeText, useAttempt } from "./problem";
import { Copyable, QRCode } from "./Secret";
import { UnknownDevices } from "./UnknownDevices";
import { useList } from "./useList";

interface Shown {
  device: Device;
  secret: DeviceSecret;
}

/** Trackers and phones that sign in with a secret of their own. */
export function Devices({ fleet, now }: { fleet: Fleet; now: number }) {
  const list = useList<Device>(fleet, "/devices");
  const [creating, setCreating] = useState(false);
  const [shown, setShown] = useState<Shown | null>(null);
  const { problem, attempt } = useAttempt();
  const newSecret = (device: Device) =>
    attempt(async () => setShown({ device, secret: await fleet.rest.call<DeviceSecret>("POST", `/devices/${part(device.id)}/secret`) }));
  const remove = ({ id }: Device) =>
    confirm(t("devices.deleteSure", { id })) && void attempt(() => fleet.rest.call("DELETE", `/devices/${part(id)}`)).then(list.reload);
  return (
    <>
      <div className="tab-tools">
        {problem && <p className="problem" role="alert">{problem}</p>}
        <button className="button primary" onClick={() => setCreating(true)} data-testid="new-device">{t("devices.new")}</button>
      </div>
      <UnknownDevices fleet={fleet} now={now} onAccept={list.reload} />
      <ListTable list={list} label={t("tab.devices")} keyOf={(d) => d.id} testid="devices" empty={t("devices.empty")} emptyHint={t("devices.emptyHint")}
        heads={[t("id"), t("devices.kind"), t("devices.driver"), t("created"), ""]}
        row={(device) => (
          <>
            <td><strong>{device.id}</strong>{device.name && <div className="hint">{device.name}</div>}</td>
            <td>{t(`kind.${device.kind}`)}{device.disabled && <> <span className="tag bad">{t("state.disabled")}</span></>}</td>
            <td>{device.driver ?? ""}</td>
            <td className="nowrap">{timeText(device.created_at)}</td>
            <td>
              <span className="actions">
                <button className="button small" onClick={() => confirm(t("devices.secretSure", { id: device.id })) && void newSecret(device)}>{t("devices.secret")}</button>
                <button className="button small danger" onClick={() => remove(device)}>{t("delete")}</button>
              </span>
            </td>
          </>
        )} />
      {creating && (
        <NewDevice fleet={fleet} onClose={() => setCreating(false)}
          onDone={(device) => {
            list.reload();
            void newSecret(device);
          }} />
      )}
      {shown && <SecretDialog {...shown} onClose={() => setShown(null)} />}
    </>
  );
}

function NewDevice({ fleet, onClose, onDone }: { fleet: Fleet; onClose: () => void; onDone: (device: Device) => void }) {
  const { busy, problem, attempt } = useAttempt();
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = Object.entries(Object.fromEntries(new FormData(event.currentTarget))).filter(([, value]) => value !== "");
    await attempt(async () => {
      const device = await fleet.rest.call<Device>("POST", "/devices", { body: Object.fromEntries(given), once: onceKey() });
      onClose();
      onDone(device);
    });
  };
  return (
    <Dialog title={t("devices.new")} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <label className="field">{t("id")}<input name="id" required pattern="[A-Za-z0-9_\-]{1,64}" autoFocus autoComplete="off" data-testid="device-id" /></label>
        <label className="field">
          {t("devices.kind")}
          <select name="kind" defaultValue="owntracks" data-testid="device-kind">{deviceKinds.map((kind) => <option key={kind} value={kind}>{t(`kind.${kind}`)}</option>)}</select>
        </label>
        <label className="field">{t("devices.driver")}<input name="driver" pattern="[A-Za-z0-9_\-]{1,64}" autoComplete="off" data-testid="device-driver" /></label>
        <p className="hint">{t("devices.driverHint")}</p>
        <label className="field">{t("name")}<input name="name" maxLength={200} autoComplete="off" /></label>
        {problem && <p className="problem" role="alert">{problem}</p>}
        <div className="actions end">
          <button type="button" className="button" onClick={onClose}>{t("back")}</button>
          <button className="button primary" disabled={busy} data-testid="device-save">{t(busy ? "saving" : "create")}</button>
        </div>
      </form>
    </Dialog>
  );
}

/** The secret, this once: to scan, or to type in. The port of MQTT is the standard one unless the user says otherwise. */
function SecretDialog({ device, secret, onClose }: Shown & { onClose: () => void }) {
  const tls = location.protocol === "https:";
  const [host, setHost] = useState(location.hostname);
  const [port, setPort] = useState(tls ? 8883 : 1883);
  return (
    <Dialog title={t("devices.secretFor", { id: device.id })} onClose={onClose}>
      <div className="stack" data-testid="device-secret">
        <p className="done-note">{t("once")}</p>
        <div className="qr-and-text">
          <QRCode text={deviceSetup(device, secret, { host, port, tls })} label={t("devices.qr", { id: device.id })} />
          <p>{t(device.kind === "owntracks" ? "devices.qrOwntracks" : "devices.qrOther")}</p>
        </div>
        <div className="fields">
          <label className="field">{t("devices.host")}<input value={host} onChange={(event) => setHost(event.target.value)} /></label>
          <label className="field">{t("devices.port")}<input type="number" min={1} max={65535} value={port} onChange={(event) => setPort(Number(event.target.value))} /></label>
        </div>
        <Copyable label={t("devices.user")} value={secret.username} testid="device-username" />
        <Copyable label={t("devices.password")} value={secret.secret} testid="device-password" />
        <div className="actions end"><button className="button primary" onClick={onClose}>{t("close")}</button></div>
      </div>
    </Dialog>
  );
}
