export function Brand({ large = false }: { large?: boolean }) {
  return (
    <span className={large ? "brand large" : "brand"}>
      <svg viewBox="0 0 64 64" aria-hidden="true">
        <rect width="64" height="64" rx="15" />
        <path d="M32 10 51 52 32 43 13 52Z" strokeWidth="3" strokeLinejoin="round" />
      </svg>
      dray
    </span>
  );
}
