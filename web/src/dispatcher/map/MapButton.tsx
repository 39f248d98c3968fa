export function MapButton({ label, path, onClick }: { label: string; path: string; onClick: () => void }) {
  return (
    <button className="button icon" aria-label={label} title={label} onClick={onClick}>
      <svg viewBox="0 0 16 16" aria-hidden="true"><path d={path} /></svg>
    </button>
  );
}
