import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import type { Config } from '../../config/model/model.ts'
import { errorAt, type Finding, warningAt } from '../../config/report/problem.ts'
import { systemReason } from '../../config/report/system-reason.ts'
import { authorities } from '../../net/tls/listener-tls.ts'

/** Checks what `acme` refers to outside of the file: the storage, the hook, CA files. */
export function* checkAcmeFiles({ acme }: Config): Generator<Finding> {
  if (acme === undefined) return
  if (acme.storage !== 'redis') yield* checkFolder(acme.storage)
  const program = acme.hook?.[0]
  if (program !== undefined && !isThere(program))
    yield errorAt(['acme', 'hook'], `${program} is not a program that may be run`)
  for (const [index, { ca }] of acme.authorities.entries()) {
    if (ca === undefined) continue
    try {
      authorities(ca, ['ca'])
    } catch (error) {
      yield errorAt(['acme', 'directory', index, 'ca'], (error as Error).message)
    }
  }
}

/** The folder is created at the first start, by the user that lb runs as, mostly not the one who runs the check. */
function* checkFolder(folder: string): Generator<Finding> {
  let at = folder
  for (;;) {
    const stat = statSync(at, { throwIfNoEntry: false })
    if (stat === undefined && dirname(at) !== at) {
      at = dirname(at)
      continue
    }
    if (stat?.isDirectory() !== true) {
      yield errorAt(['acme', 'storage'], `${at} is not a folder, so ${folder} cannot be one`)
      return
    }
    try {
      accessSync(at, constants.W_OK | constants.X_OK)
      if (at === folder && (stat.mode & 0o077) !== 0 && process.platform !== 'win32')
        yield warningAt(
          ['acme', 'storage'],
          `other users can read ${folder}; it contains private keys: chmod 700`
        )
    } catch (error) {
      yield warningAt(['acme', 'storage'], `${at} cannot be written to by this user: ${systemReason(error)}`)
    }
    return
  }
}

function isThere(program: string): boolean {
  const places = program.includes('/')
    ? [program]
    : (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, program))
  return places.some((path) => {
    try {
      accessSync(path, constants.X_OK)
      return statSync(path).isFile()
    } catch {
      return false
    }
  })
}
