/**
 * The value of a scalar that consists of one `${NAME}` and looks like a number or a boolean. The key decides how to
 * read it: a token of `12345` is text, a weight of `3` a number. So the value stays undecided until the schema reads
 * it.
 */
export class EnvText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** The text of a string or of an undecided value. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return value instanceof EnvText ? value.text : undefined
}

export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  return value instanceof EnvText && /^[+-]?\d+(?:\.\d+)?$/.test(value.text) ? Number(value.text) : undefined
}

export function booleanOf(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value
  if (!(value instanceof EnvText)) return undefined
  return value.text === 'true' ? true : value.text === 'false' ? false : undefined
}
