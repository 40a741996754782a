import type { RegexNode } from './parse-regex.ts'

/** The places of an expression where it reads a character, and where it may go on from each (Glushkov's automaton). */
export interface Positions {
  readonly sets: readonly bigint[]
  readonly next: readonly ReadonlySet<number>[]
  /** Steps that can be made in two ways, as `from * sets.length + to`: by an inner repetition and by an outer one. */
  readonly doubled: ReadonlySet<number>
}

/** A count from here on is as good as unbounded: 2 to the power of it is too much. */
const MANY = 10
const MAX_POSITIONS = 120

interface Part {
  readonly empty: boolean
  readonly first: readonly number[]
  readonly last: readonly number[]
}

/** Undefined for an expression that is too long to look at. */
export function positionsOf(node: RegexNode): Positions | undefined {
  const sets: bigint[] = []
  const next: Set<number>[] = []
  const doubled: (readonly [from: number, to: number])[] = []
  const link = (from: readonly number[], to: readonly number[]) => {
    for (const a of from) {
      for (const b of to) {
        if (next[a]!.has(b)) doubled.push([a, b])
        else next[a]!.add(b)
      }
    }
  }

  const build = (node: RegexNode): Part => {
    switch (node.kind) {
      case 'set': {
        const position = sets.push(node.set) - 1
        next.push(new Set())
        return { empty: false, first: [position], last: [position] }
      }
      case 'sequence':
        return node.parts.reduce<Part>(
          (before, inner) => (sets.length > MAX_POSITIONS ? before : joined(before, build(inner))),
          { empty: true, first: [], last: [] }
        )
      case 'choice': {
        const parts = node.parts.map(build)
        return {
          empty: parts.some(({ empty }) => empty),
          first: parts.flatMap(({ first }) => first),
          last: parts.flatMap(({ last }) => last)
        }
      }
      case 'repeat': {
        if (node.max === 0) return { empty: true, first: [], last: [] }
        const part = build(node.part)
        if (node.max >= MANY) link(part.last, part.first)
        // A few copies cannot multiply to much; two of them show what may follow upon itself.
        const copied =
          node.max > 1 && node.max < MANY ? joined(part, { ...build(node.part), empty: true }) : part
        return { ...copied, empty: part.empty || node.min === 0 }
      }
    }
  }

  const joined = (a: Part, b: Part): Part => {
    link(a.last, b.first)
    return {
      empty: a.empty && b.empty,
      first: a.empty ? [...a.first, ...b.first] : a.first,
      last: b.empty ? [...a.last, ...b.last] : b.last
    }
  }

  build(node)
  if (sets.length > MAX_POSITIONS) return undefined
  return { sets, next, doubled: new Set(doubled.map(([from, to]) => from * sets.length + to)) }
}
