import { useSyncExternalStore } from "react";

import { agoText } from "./age";
import type { DispatchMessages, Message } from "./dispatchMessages";
import { t } from "./messages";
import { useArrival } from "./useArrival";

/** What dispatchers wrote and the driver has not put away, the newest first. */
export function MessageList({ messages, now }: { messages: DispatchMessages; now: number }) {
  const list = useSyncExternalStore(messages.onChange, () => messages.list);
  return list
    .filter(({ read }) => !read)
    .map((message) => <MessageCard key={message.id} message={message} now={now} onSeen={() => void messages.see(message.id)} onRead={() => void messages.putAway(message.id)} />);
}

interface Props {
  message: Message;
  now: number;
  onSeen: () => void;
  onRead: () => void;
}

function MessageCard({ message: { id, text, at, seen }, now, onSeen, onRead }: Props) {
  const card = useArrival(!seen, onSeen);
  return (
    <article ref={card} className="message" data-message={id}>
      <h2>
        {t("message.title")} <small>{agoText(now - at)}</small>
      </h2>
      <p>{text}</p>
      <button className="primary" onClick={onRead}>
        {t("message.read")}
      </button>
    </article>
  );
}
