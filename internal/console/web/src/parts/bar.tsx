// Bars beside the figures that they draw: who reads by ear loses nothing.

export type Piece = { of: number; look: string }

/** Bar is pieces of a whole, as long as their share of it. */
export function Bar({ pieces, whole }: { pieces: Piece[]; whole: number }) {
  let from = 0
  return (
    <svg class="bar" width="100%" height="8" aria-hidden="true" focusable="false">
      <rect class="bar-ground" width="100%" height="8" rx="2" />
      {whole > 0 &&
        pieces.map(({ of, look }) => {
          const x = from
          from += of
          return (
            of > 0 && (
              <rect key={look} class={look} x={`${(100 * x) / whole}%`} width={`${(100 * of) / whole}%`} height="8" />
            )
          )
        })}
    </svg>
  )
}
