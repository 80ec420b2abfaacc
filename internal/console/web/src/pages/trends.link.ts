import { linkTo } from '../route'
import { axes, type Axis, type Filters, type Metric } from './trends.measure'
import type { Bucket } from './trends.question'

/** trendsOf leads to the trends page: this metric over a time, of what the filters name, split by what they do not. */
export function trendsOf(metric: Metric, from: Date, to: Date, bucket: Bucket, filters: Filters): string {
  const by: Axis = axes.find((axis) => filters[axis] === undefined) ?? 'type'
  return linkTo('trends', { metric, by, bucket, from: from.toISOString(), to: to.toISOString(), ...filters })
}
