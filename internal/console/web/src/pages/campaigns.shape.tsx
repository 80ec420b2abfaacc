import type { IndicatorType } from '../hub/client'

const polygon = (corners: number, radius: number, turned: number) =>
  'M' +
  Array.from({ length: corners }, (_, i) => {
    const angle = ((i + turned) / corners) * 2 * Math.PI - Math.PI / 2
    return `${(radius * Math.cos(angle)).toFixed(2)} ${(radius * Math.sin(angle)).toFixed(2)}`
  }).join('L') +
  'Z'

// Each type has a shape of its own, so that nobody needs its colour.
const shapes: Record<IndicatorType, string> = {
  bank_account: polygon(4, 11, 0.5),
  payment_id: 'M-3.500-9h7v5.500h5.500v7h-5.500v5.500h-7v-5.500h-5.500v-7h5.500Z',
  phone: 'M0-9a9 9 0 1 1 0 18a9 9 0 1 1 0-18Z',
  url: polygon(4, 11, 0),
  domain: polygon(6, 10, 0),
  email: polygon(3, 11.500, 0),
  crypto_address: polygon(5, 10.500, 0),
  social_account: polygon(3, 11.500, 0.5),
}

export const types = Object.keys(shapes) as IndicatorType[]

/** Shape is the sign of a type, about 20 wide around its place. */
export const Shape = ({ type }: { type: IndicatorType }) => (
  <path class={`shape series-${types.indexOf(type)}`} d={shapes[type]} />
)

/** Sign is the shape beside text. */
export const Sign = ({ type }: { type: IndicatorType }) => (
  <svg class="sign" width="18" height="18" viewBox="-13 -13 26 26" aria-hidden="true" focusable="false">
    <Shape type={type} />
  </svg>
)
