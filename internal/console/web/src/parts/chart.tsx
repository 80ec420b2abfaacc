// Lines over time. A time is marked by dragging; the keys left and right move the reading, Home and End to its ends.
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { dark } from '../theme'
import { axisTime, language, short } from '../words'

/** A value of null is not told: the line has a gap. */
export type ChartLine = { key: string; values: (number | null)[]; colour: string }

export function Chart(props: {
  label: string
  times: Date[]
  lines: ChartLine[]
  /** The line that stands out, '' for none. */
  only: string
  /** Called with the point that is read, undefined when none is. */
  read: (index: number | undefined) => void
  mark: (from: Date, to: Date) => void
}) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const latest = useRef(props)
  latest.current = props

  useEffect(() => {
    const root = place.current
    if (!root) return
    const style = getComputedStyle(root)
    const colour = (name: string) => style.getPropertyValue(name).trim()
    const { times, lines, only } = props
    const axis = {
      stroke: colour('--soft'),
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
      font: `12px ${style.fontFamily}`,
    }
    const made = new uPlot(
      {
        width: root.clientWidth,
        height: 300,
        padding: [12, 12, 0, 0],
        legend: { show: false },
        tzDate: (at) => uPlot.tzDate(new Date(at * 1000), 'Asia/Kuala_Lumpur'),
        scales: { y: { range: (_, __, max) => [0, Math.max(4, max * 1.06)] } },
        cursor: { drag: { setScale: false, x: true, y: false }, points: { size: 7 }, bind: { dblclick: () => null } },
        select: { show: true, left: 0, top: 0, width: 0, height: 0 },
        axes: [
          {
            ...axis,
            size: 34,
            space: 76,
            values: (_, splits, __, ___, step) => splits.map((at) => axisTime(new Date(at * 1000), step)),
          },
          { ...axis, size: 58, values: (_, splits) => splits.map((n) => (Number.isInteger(n) ? short(n) : '')) },
        ],
        series: [
          {},
          ...lines.map(({ key, colour: name }, i) => ({
            stroke: colour(name),
            width: only && key === only ? 3 : 1.75,
            alpha: only && key !== only ? 0.25 : 1,
            dash: i > 3 ? [6, 4] : undefined,
            points: { show: times.length < 40 },
          })),
        ],
        hooks: {
          setCursor: [(u) => latest.current.read(u.cursor.idx ?? undefined)],
          setSelect: [
            (u) => {
              const { left, width } = u.select
              if (width < 8) return
              u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
              latest.current.mark(
                new Date(u.posToVal(left, 'x') * 1000),
                new Date(u.posToVal(left + width, 'x') * 1000),
              )
            },
          ],
        },
      },
      [times.map((at) => at.getTime() / 1000), ...lines.map(({ values }) => values)],
      root,
    )
    plot.current = made
    const resized = new ResizeObserver(() => made.setSize({ width: root.clientWidth, height: 300 }))
    resized.observe(root)
    return () => {
      resized.disconnect()
      made.destroy()
    }
  }, [props.times, props.lines, props.only, dark(), language.value])

  const keys = (event: KeyboardEvent) => {
    const u = plot.current
    const last = props.times.length - 1
    const at = u?.cursor.idx ?? last
    const to = { ArrowLeft: Math.max(0, at - 1), ArrowRight: Math.min(last, at + 1), Home: 0, End: last }[event.key]
    if (!u || to === undefined) return
    event.preventDefault()
    u.setCursor({ left: u.valToPos(props.times[to]!.getTime() / 1000, 'x'), top: 20 })
  }
  return <div ref={place} class="chart" tabIndex={0} role="application" aria-label={props.label} onKeyDown={keys} />
}
