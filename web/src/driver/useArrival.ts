import { useEffect, useEffectEvent, useRef, type RefObject } from "react";

const MOST_OF_IT = 0.6; // in view

/**
 * For a card that is new, while isNew: brings it into view, lets the phone
 * vibrate, and calls onSeen when most of it is on a screen that is on.
 */
export function useArrival(isNew: boolean, onSeen: () => void): RefObject<HTMLElement | null> {
  const card = useRef<HTMLElement>(null);
  const seen = useEffectEvent(onSeen);
  useEffect(() => {
    const element = card.current;
    if (!isNew || !element) return;
    element.scrollIntoView({ block: "center" });
    navigator.vibrate?.(200);
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (!entry.isIntersecting) return;
        observer.disconnect();
        seen();
      },
      { threshold: MOST_OF_IT }, // a page that is hidden is not observed
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [isNew]);
  return card;
}
