import { isNode, isScalar } from 'yaml'

/** Offsets into the text. */
export interface Span {
  readonly start: number
  readonly end: number
}

export function spanOf(node: unknown): Span | undefined {
  if (!isNode(node) || !node.range) return undefined
  return { start: node.range[0], end: node.range[1] }
}

/** A mapping's key as text: `404` and `yes` are names too; undefined for a key that is a list or a mapping. */
export function keyName(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined
  return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value))
}
