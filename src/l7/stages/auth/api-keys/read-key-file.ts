import { KeyTable } from './key-table.ts'
import { keyOwner } from './key-owner.ts'

/** Throws with the number of the line that is wrong, but never with its text. */
export function readKeyFile(text: string, roles: ReadonlyMap<string, readonly string[]>): KeyTable {
  const table = new KeyTable()
  for (const [index, written] of text.split('\n').entries()) {
    const line = written.trim()
    if (line === '' || line.startsWith('#')) continue
    const [name, key, own, ...rest] = line.split(/\s+/)
    if (name === undefined || key === undefined || rest.length > 0) {
      throw new Error(`line ${index + 1}: expected a name, a key, and roles with commas between them`)
    }
    if (/^sha256:/i.test(key) && !/^sha256:[0-9a-f]{64}$/i.test(key)) {
      throw new Error(`line ${index + 1}: behind "sha256:" stand 64 hex digits`)
    }
    const listed = own === undefined ? [] : own.split(',').filter((role) => role !== '')
    table.add(key, keyOwner(name, [...listed, ...(roles.get(name) ?? [])]))
  }
  return table
}
