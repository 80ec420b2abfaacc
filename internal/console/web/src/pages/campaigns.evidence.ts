// A campaign, made into what a graph and a table show: indicators, and what joins some of them.
import type { components } from '../hub/schema'
import { counted, number, t } from '../words'

export type Whole = components['schemas']['Campaign']
export type Node = NonNullable<Whole['nodes']>[number]
export type Join = {
  kind: NonNullable<Whole['edges']>[number]['kind']
  /** Organisations that say so; undefined where they are too few to be told. */
  partners: number | undefined
  /** Of the nodes that are there, which it joins. */
  nodes: number[]
  /** How many it joins that are not there. */
  elsewhere: number
}

export const kinds = ['case', 'bundle', 'host'] as const

/** joinsOf are what joins the nodes, by their places in the list. */
export function joinsOf(nodes: Node[], edges: Whole['edges']): Join[] {
  const at = new Map(nodes.map(({ place }, i) => [place, i]))
  return (edges ?? []).map(({ kind, partners, nodes: places }) => {
    const here = places.map((place) => at.get(place)).filter((i) => i !== undefined)
    return { kind, partners, nodes: here, elsewhere: places.length - here.length }
  })
}

/** placeOf names a node among those of its campaign. */
export const placeOf = ({ place }: Node): string => `#${place + 1}`

/** whoSays tells on how many organisations' word something rests. */
export const whoSays = ({ partners }: Join): string =>
  partners === undefined ? t('said_by_few') : counted('said_by', partners)

export const sizeOf = ({ nodes, elsewhere }: Join): string => number(nodes.length + elsewhere)
