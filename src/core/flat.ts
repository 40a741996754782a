import { latin1 } from './latin1.ts'

/**
 * The same text in one piece. What is put together with `+` or a template is a tree of its parts, of 32 bytes each, that every
 * write of it walks through again: worth it for what is kept and written many times. Text beyond latin1 is left as it is.
 */
export function flat(text: string): string {
  const copy = latin1(Buffer.from(text, 'latin1'), 0, text.length)
  return copy === text ? copy : text
}
