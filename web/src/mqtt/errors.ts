/** The server answered a publish with a reason code of 0x80 or more (MQTT 5, section 3.4.2.1). */
export class PublishError extends Error {
  override name = "PublishError";
  constructor(readonly code: number) {
    super(`publish refused: 0x${code.toString(16)}`);
  }
}

/** The connection ended before the server answered; it may have taken the message or not. */
export class ConnectionLostError extends Error {
  override name = "ConnectionLostError";
}
