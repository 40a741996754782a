import { lstatSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

/** Ways in which programs replace `a.crt` and `a.key`. */
export const MANNERS = [
  'rename',
  'in place',
  'key long before',
  'certificate long before',
  'halves',
  'link'
] as const
export type Manner = (typeof MANNERS)[number]

interface Pair {
  readonly cert: string
  readonly key: string
}

const LONG_MS = 600

/** Resolves once both are there. */
export async function putIn(
  folder: string,
  manner: Manner,
  { cert, key }: Pair,
  turn: number
): Promise<void> {
  const at = (name: string): string => join(folder, name)
  const rename = (name: string, text: string): void => {
    writeFileSync(at(`${name}.new`), text)
    renameSync(at(`${name}.new`), at(name))
  }
  if (manner !== 'link') whole(folder)
  switch (manner) {
    case 'rename':
      rename('a.key', key)
      return rename('a.crt', cert)
    case 'in place':
      writeFileSync(at('a.crt'), cert)
      return writeFileSync(at('a.key'), key)
    case 'key long before':
      rename('a.key', key)
      await wait(LONG_MS)
      return rename('a.crt', cert)
    case 'certificate long before':
      rename('a.crt', cert)
      await wait(LONG_MS)
      return rename('a.key', key)
    case 'halves':
      for (const [name, text] of [
        ['a.crt', cert],
        ['a.key', key]
      ] as const) {
        writeFileSync(at(name), text.slice(0, text.length >> 1))
        await wait(LONG_MS)
        writeFileSync(at(name), text)
      }
      return
    case 'link':
      // As Kubernetes does with a volume: a.crt → ..data/a.crt, and ..data → the folder of this version.
      mkdirSync(at(`..${turn}`))
      writeFileSync(at(`..${turn}/a.crt`), cert)
      writeFileSync(at(`..${turn}/a.key`), key)
      symlinkSync(`..${turn}`, at('..data.new'))
      renameSync(at('..data.new'), at('..data'))
      for (const name of ['a.crt', 'a.key']) {
        if (isLink(at(name))) continue
        symlinkSync(`..data/${name}`, at(`${name}.new`))
        renameSync(at(`${name}.new`), at(name))
      }
  }
}

/** Files in place of links, with what they led to. */
function whole(folder: string): void {
  for (const name of ['a.crt', 'a.key']) if (isLink(join(folder, name))) rmSync(join(folder, name))
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
}
