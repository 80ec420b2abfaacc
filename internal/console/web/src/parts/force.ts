// Places the bodies of a graph: those that are joined pull at each other, all push each other away, and everything
// falls towards the middle. There is no chance in it: the same graph is the same picture, each time and everywhere.

export type Place = { x: number; y: number }

const rounds = 260
const length = 34 // of a line at rest
const push = 260
const reach = 210 // bodies that are farther apart do not push each other, so that a large graph stays together
const fall = 0.06
const near = 26 // no two bodies are to be closer

/** layOut places so many bodies, of which the lines join two each, in a picture about so many times as wide as high. */
export function layOut(bodies: number, lines: readonly (readonly [number, number])[], wide = 1.5): Place[] {
  const x = new Float64Array(bodies)
  const y = new Float64Array(bodies)
  const vx = new Float64Array(bodies)
  const vy = new Float64Array(bodies)
  const degree = new Float64Array(bodies)
  for (const [a, b] of lines) {
    degree[a]!++
    degree[b]!++
  }
  for (let i = 0; i < bodies; i++) {
    // A sunflower: no two in one place, and none preferred.
    const radius = 12 * Math.sqrt(0.5 + i)
    const angle = i * Math.PI * (3 - Math.sqrt(5))
    x[i] = radius * Math.cos(angle)
    y[i] = radius * Math.sin(angle)
  }
  for (let round = 0; round < rounds; round++) {
    const heat = Math.pow(0.001, round / rounds)
    for (const [a, b] of lines) {
      const dx = x[b]! + vx[b]! - x[a]! - vx[a]!
      const dy = y[b]! + vy[b]! - y[a]! - vy[a]!
      const far = Math.sqrt(dx * dx + dy * dy) || 1e-6
      const pull = (((far - length) / far) * heat) / Math.min(degree[a]!, degree[b]!)
      const share = degree[a]! / (degree[a]! + degree[b]!) // who has many lines is moved less
      vx[b]! -= dx * pull * share
      vy[b]! -= dy * pull * share
      vx[a]! += dx * pull * (1 - share)
      vy[a]! += dy * pull * (1 - share)
    }
    for (let i = 0; i < bodies; i++) {
      for (let j = i + 1; j < bodies; j++) {
        const dx = x[j]! - x[i]!
        const dy = y[j]! - y[i]!
        const square = Math.max(dx * dx + dy * dy, 1)
        if (square > reach * reach) continue
        const away = (push * heat) / square
        vx[i]! -= dx * away
        vy[i]! -= dy * away
        vx[j]! += dx * away
        vy[j]! += dy * away
      }
      vx[i]! -= x[i]! * fall * heat
      vy[i]! -= y[i]! * fall * wide * heat
    }
    for (let i = 0; i < bodies; i++) {
      vx[i]! *= 0.6
      vy[i]! *= 0.6
      x[i]! += vx[i]!
      y[i]! += vy[i]!
    }
  }
  spread(x, y)
  return Array.from(x, (at, i) => ({ x: at, y: y[i]! }))
}

/** spread moves apart what came to lie too close. */
function spread(x: Float64Array, y: Float64Array): void {
  for (let round = 0, moved = true; moved && round < 60; round++) {
    moved = false
    for (let i = 0; i < x.length; i++) {
      for (let j = i + 1; j < x.length; j++) {
        const dx = x[j]! - x[i]! || 1e-3
        const dy = y[j]! - y[i]! || 1e-3
        const far = Math.sqrt(dx * dx + dy * dy)
        if (far >= near) continue
        const step = (near - far) / far / 2
        x[i]! -= dx * step
        y[i]! -= dy * step
        x[j]! += dx * step
        y[j]! += dy * step
        moved = true
      }
    }
  }
}
