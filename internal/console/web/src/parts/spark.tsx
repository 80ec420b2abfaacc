/** undefined is a count that is not told. */
export type Count = number | undefined

/** Spark is a course of counts in a line of text: a bar for each, those from a place on marked, and a level. */
export function Spark(props: { label: string; counts: Count[]; marked?: number; level?: number }) {
  const { counts, marked = counts.length, level } = props
  const most = Math.max(1, level ?? 0, ...counts.map((n) => n ?? 0))
  const [step, height] = [4, 40]
  const yOf = (n: number) => height - (n / most) * (height - 2)
  return (
    <svg
      class="spark"
      role="img"
      aria-label={props.label}
      viewBox={`0 0 ${counts.length * step} ${height}`}
      preserveAspectRatio="none"
    >
      {marked < counts.length && (
        <rect
          class="spark-ground"
          x={marked * step - 0.5}
          y="0"
          width={(counts.length - marked) * step}
          height={height}
        />
      )}
      {counts.map((n, i) =>
        n === undefined ? (
          <rect key={i} class="spark-few" x={i * step} y={height - 3} width={step - 1} height="3" />
        ) : (
          n > 0 && (
            <rect
              key={i}
              class={i < marked ? 'spark-bar' : 'spark-bar marked'}
              x={i * step}
              y={yOf(n)}
              width={step - 1}
              height={height - yOf(n)}
            />
          )
        ),
      )}
      <line class="spark-base" x1="0" x2={counts.length * step} y1={height} y2={height} />
      {level !== undefined && (
        <line class="spark-level" x1="0" x2={counts.length * step} y1={yOf(level)} y2={yOf(level)} />
      )}
    </svg>
  )
}
