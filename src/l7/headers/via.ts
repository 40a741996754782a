import { randomBytes } from 'node:crypto'
import { flat } from '../../core/flat.ts'

/**
 * How often a request may pass one lb: listeners that call one another are legitimate, but the fourth passage is
 * a loop (508, LB_LOOP) that would otherwise end only when the machine runs out of sockets.
 */
export const MAX_PASSAGES = 3

/** Longest Via or CDN-Loop that is searched. With more the request has passed more proxies than any honest one: it is a loop. */
const MAX_VIA = 4096

/**
 * The name of this process in Via (RFC 9110 §7.6.3) and CDN-Loop (RFC 8586): a pseudonym, which hides the host's name, with
 * 32 random bits, so that two lb in a row are not taken for a loop. All workers of a process must use the same.
 */
export function viaPseudonym(random: Buffer = randomBytes(4)): string {
  return `lb-${random.toString('hex')}`
}

/** The line to append. `version` is that of the message received: `1.0`, `1.1`, `2.0`. */
export function viaLine(version: string, pseudonym: string): string {
  return flat(`Via: ${version} ${pseudonym}\r\n`)
}

/** The line that tells a loop, and nothing else: servers turn compression off for what comes with Via, not with this. */
export function cdnLoopLine(pseudonym: string): string {
  return flat(`CDN-Loop: ${pseudonym}\r\n`)
}

/** Whether a request with this Via or CDN-Loop (duplicates joined) has been here too often. */
export function isLoop(via: string, pseudonym: string): boolean {
  if (via.length > MAX_VIA) return true
  let passages = 0
  for (let at = via.indexOf(pseudonym); at !== -1; at = via.indexOf(pseudonym, at + pseudonym.length)) {
    // It counts as a whole word only, not as part of another name.
    if (isEdge(via, at - 1) && isEdge(via, at + pseudonym.length)) passages++
  }
  return passages >= MAX_PASSAGES
}

function isEdge(text: string, at: number): boolean {
  if (at < 0 || at >= text.length) return true
  const c = text[at]!
  return c === ' ' || c === '\t' || c === ',' || c === ';'
}
