// A campaign as a graph. What joins indicators is a body of its own, since a case joins many: it stands between them.
import { useSignal } from '@preact/signals'
import { useMemo, useRef } from 'preact/hooks'
import { layOut } from '../parts/force'
import { known, moment, number, t } from '../words'
import { Digest } from './campaigns.digest'
import { joinsOf, kinds, placeOf, sizeOf, whoSays, type Join, type Node, type Whole } from './campaigns.evidence'
import { Shape, Sign, types } from './campaigns.shape'

const margin = 30

/** readable is the least scale of the picture; what is larger than its place is scrolled. */
const readable = 0.7

export function Graph({ whole }: { whole: Whole }) {
  const nodes = whole.nodes ?? []
  const graph = useMemo(() => graphOf(nodes, joinsOf(nodes, whole.edges)), [whole])
  const chosen = useSignal<number | undefined>(undefined)
  const bodies = useRef(new Map<number, SVGGElement>())
  const { joins, places, lines, order, box } = graph

  /** A body is a node, or behind all of them a join. */
  const choose = (body: number) => bodies.current.get(body)?.focus()
  const first = chosen.value ?? order[0]
  const keys = (event: KeyboardEvent) => {
    const at = order.indexOf(first ?? 0)
    const last = order.length - 1
    const to = {
      ArrowRight: Math.min(last, at + 1),
      ArrowDown: Math.min(last, at + 1),
      ArrowLeft: Math.max(0, at - 1),
      ArrowUp: Math.max(0, at - 1),
      Home: 0,
      End: last,
    }[event.key]
    if (to === undefined) return
    event.preventDefault()
    choose(order[to]!)
  }
  const touched = new Set<number>()
  if (chosen.value !== undefined) {
    touched.add(chosen.value)
    for (const [node, join] of lines) {
      if (node === chosen.value) touched.add(join)
      if (join === chosen.value) touched.add(node)
    }
    for (const [node, join] of chosen.value < nodes.length ? lines : []) if (touched.has(join)) touched.add(node)
  }
  const seen = (body: number) => (touched.size === 0 || touched.has(body) ? '' : 'faded')
  const marks = (body: number) => ({
    ref: (element: SVGGElement | null) => {
      if (element) bodies.current.set(body, element)
    },
    role: 'button' as const,
    tabIndex: body === first ? 0 : -1,
    'aria-pressed': body === chosen.value,
    transform: `translate(${places[body]!.x.toFixed(1)} ${places[body]!.y.toFixed(1)})`,
    onFocus: () => (chosen.value = body),
    onClick: () => choose(body),
  })
  return (
    <div class="graph-columns">
      <div class="sheet graph">
        <div class="scroll" tabIndex={0} role="region" aria-label={t('view_graph')}>
          <svg
            role="group"
            aria-label={t('graph_label', { n: number(nodes.length) })}
            viewBox={`${box.x} ${box.y} ${box.width} ${box.height}`}
            style={{ minWidth: `${Math.round(box.width * readable)}px` }}
            onKeyDown={keys}
          >
            {lines.map(([node, join]) => (
              <line
                key={`${node} ${join}`}
                class={`join ${joins[join - nodes.length]!.kind} ${seen(node) || seen(join)}`}
                x1={places[node]!.x.toFixed(1)}
                y1={places[node]!.y.toFixed(1)}
                x2={places[join]!.x.toFixed(1)}
                y2={places[join]!.y.toFixed(1)}
              />
            ))}
            {joins.map((join, i) => (
              <g
                key={`join ${i}`}
                class={`body mark-of ${join.kind} ${seen(nodes.length + i)}`}
                aria-label={t('graph_edge', { kind: t(`joins_${join.kind}`), n: sizeOf(join), who: whoSays(join) })}
                {...marks(nodes.length + i)}
              >
                <circle class="halo" r="12" />
                <circle class="knot" r="6" />
              </g>
            ))}
            {nodes.map((node, i) => (
              <g
                key={node.place}
                class={`body ${node.verdict} ${seen(i)}`}
                aria-label={t('graph_node', {
                  type: known(`type_${node.type}`),
                  place: placeOf(node),
                  verdict: t(`verdict_${node.verdict}`),
                  n: number(lines.filter(([one]) => one === i).length),
                })}
                {...marks(i)}
              >
                <circle class="halo" r="16" />
                {node.verdict === 'confirmed' && <circle class="ring" r="13.500" />}
                <Shape type={node.type} />
              </g>
            ))}
          </svg>
        </div>
        <Legend nodes={nodes} joins={joins} />
      </div>
      <aside class="sheet details" aria-label={t('evidence')}>
        {chosen.value === undefined ? (
          <p class="hint">{t('graph_keys')}</p>
        ) : chosen.value < nodes.length ? (
          <AboutNode
            node={nodes[chosen.value]!}
            whole={whole}
            joins={joins
              .map((join, i) => ({ join, body: nodes.length + i }))
              .filter(({ join }) => join.nodes.includes(chosen.value!))}
            choose={choose}
          />
        ) : (
          <AboutJoin join={joins[chosen.value - nodes.length]!} nodes={nodes} choose={choose} />
        )}
      </aside>
    </div>
  )
}

/** graphOf places a campaign, and finds the order in which the keyboard goes: along what is joined. */
function graphOf(nodes: Node[], joins: Join[]) {
  const lines = joins.flatMap(({ nodes: of }, i) => of.map((node) => [node, nodes.length + i] as const))
  const bodies = nodes.length + joins.length
  const places = layOut(bodies, lines)
  const next: number[][] = Array.from({ length: bodies }, () => [])
  for (const [node, join] of lines) {
    next[node]!.push(join)
    next[join]!.push(node)
  }
  const order: number[] = []
  const found = new Set<number>()
  for (let start = 0; start < nodes.length; start++) {
    const waiting = [start]
    while (waiting.length > 0) {
      const body = waiting.shift()!
      if (found.has(body)) continue
      found.add(body)
      order.push(body)
      waiting.push(...next[body]!)
    }
  }
  const xs = places.map(({ x }) => x)
  const ys = places.map(({ y }) => y)
  const width = Math.max(480, Math.max(...xs) - Math.min(...xs) + 2 * margin)
  const height = Math.max(320, Math.max(...ys) - Math.min(...ys) + 2 * margin)
  const middle = (of: number[]) => (Math.max(...of) + Math.min(...of)) / 2
  const box = { x: Math.round(middle(xs) - width / 2), y: Math.round(middle(ys) - height / 2), width, height }
  return { joins, lines, places, order, box }
}

function Legend({ nodes, joins }: { nodes: Node[]; joins: Join[] }) {
  const present = types.filter((type) => nodes.some((node) => node.type === type))
  return (
    <div class="graph-legend">
      <ul aria-label={t('legend_types')}>
        {present.map((type) => (
          <li key={type}>
            <Sign type={type} /> {known(`type_${type}`)}
          </li>
        ))}
        {nodes.some(({ verdict }) => verdict === 'confirmed') && (
          <li>
            <svg class="sign" width="18" height="18" viewBox="-15 -15 30 30" aria-hidden="true" focusable="false">
              <circle class="ring" r="13" />
            </svg>{' '}
            {t('legend_confirmed')}
          </li>
        )}
      </ul>
      <ul aria-label={t('legend_joins')}>
        {kinds
          .filter((kind) => joins.some((join) => join.kind === kind))
          .map((kind) => (
            <li key={kind}>
              <JoinSign kind={kind} /> {t(`joins_${kind}`)}
            </li>
          ))}
      </ul>
    </div>
  )
}

/** JoinSign is the line of what joins, beside text. */
export const JoinSign = ({ kind }: { kind: Join['kind'] }) => (
  <svg class="sign" width="34" height="14" viewBox="0 0 34 14" aria-hidden="true" focusable="false">
    <line class={`join ${kind}`} x1="0" x2="34" y1="7" y2="7" />
    <g class={`mark-of ${kind}`} transform="translate(17 7)">
      <circle class="knot" r="5" />
    </g>
  </svg>
)

const at = (time: string) => moment(new Date(time))

function AboutNode(props: {
  node: Node
  whole: Whole
  joins: { join: Join; body: number }[]
  choose: (body: number) => void
}) {
  const { node, joins } = props
  return (
    <>
      <header>
        <h2>
          <Sign type={node.type} /> {known(`type_${node.type}`)} {placeOf(node)}
        </h2>
      </header>
      <dl>
        <dt>{t('verdict')}</dt>
        <dd>
          <span class={`badge verdict ${node.verdict}`}>{t(`verdict_${node.verdict}`)}</span>{' '}
          {t('strength', { n: node.score })}
        </dd>
        <dt>{t('first_report')}</dt>
        <dd>{at(node.first_reported)}</dd>
        <dt>{t('last_word')}</dt>
        <dd>{at(node.last_reported)}</dd>
        <dt>{t('digest')}</dt>
        <dd>
          <Digest node={node} whole={props.whole} />
        </dd>
      </dl>
      <h3>{t('joined_by')}</h3>
      <ul>
        {joins.map(({ join, body }) => (
          <li key={body}>
            <button type="button" class="row-button" onClick={() => props.choose(body)}>
              <JoinSign kind={join.kind} /> {t(`joins_${join.kind}`)}
            </button>
            <span class="hint">
              {t('members')}: {sizeOf(join)} · {whoSays(join)}
            </span>
          </li>
        ))}
      </ul>
    </>
  )
}

function AboutJoin({ join, nodes, choose }: { join: Join; nodes: Node[]; choose: (body: number) => void }) {
  return (
    <>
      <header>
        <h2>
          <JoinSign kind={join.kind} /> {t(`joins_${join.kind}`)}
        </h2>
      </header>
      <p class="hint">
        {t('members')}: {sizeOf(join)} · {whoSays(join)}
      </p>
      <h3>{t('joins')}</h3>
      <ul>
        {join.nodes.map((i) => (
          <li key={i}>
            <button type="button" class="row-button" onClick={() => choose(i)}>
              <Sign type={nodes[i]!.type} /> {known(`type_${nodes[i]!.type}`)} {placeOf(nodes[i]!)}
            </button>
            <span class="hint">{t(`verdict_${nodes[i]!.verdict}`)}</span>
          </li>
        ))}
      </ul>
    </>
  )
}
