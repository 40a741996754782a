import { whyNotVerifiable } from './why-not-verifiable.ts'

/** Hashes by name. Throws with the number of the line that is wrong, but never with its text. */
export function readHtpasswd(text: string): Map<string, string> {
  const users = new Map<string, string>()
  for (const [index, written] of text.split('\n').entries()) {
    const line = written.trim()
    if (line === '' || line.startsWith('#')) continue
    const colon = line.indexOf(':')
    if (colon < 1) throw new Error(`line ${index + 1}: expected a name, a colon and a hash`)
    const hash = line.slice(colon + 1).split(':', 1)[0]!
    const why = whyNotVerifiable(hash)
    if (why !== undefined) throw new Error(`line ${index + 1}: ${why}`)
    users.set(line.slice(0, colon), hash)
  }
  return users
}
