import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ModuleFiles } from './module-files.ts'
import { serve } from './module-hooks.ts'

/** A module may use await at its top level, and a function that it exports may wait, but not for ever. */
const READY_MS = 10_000

/** What `made` resolves with. The timer also keeps a process alive that has nothing else to wait for. */
export async function inTime<T>(made: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.reject(new Error(`it was not ready within ${READY_MS / 1e3} s`))
  }, READY_MS)
  try {
    return await Promise.race([made, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * The default export of a user's module. For one hash it is imported once per thread; Node never unloads a module, so
 * each version of its content stays in memory.
 */
export async function importModule(
  files: Pick<ModuleFiles, 'sources' | 'hash'> & { path: string }
): Promise<unknown> {
  const { path, hash, sources } = files
  const stop = serve(hash, sources)
  try {
    const url = `${pathToFileURL(path).href}?lb=${hash}`
    const module = (await inTime(import(url))) as { readonly default?: unknown }
    return module.default
  } catch (error) {
    throw new Error(reasonOf(error, path), { cause: error })
  } finally {
    stop()
  }
}

/** The message, with the position in the module where Node gives one. */
function reasonOf(error: unknown, path: string): string {
  if (!(error instanceof Error)) return String(error)
  const message = error.message.replaceAll(/\?lb=[0-9a-f]+/g, '').split('\n')[0]!
  const place = new RegExp(`([^/\\s(]+)\\?lb=[0-9a-f]+:(\\d+)`).exec(error.stack ?? '')
  const where = place === null ? basename(path) : `${place[1]}:${place[2]}`
  return message.includes(where) ? message : `${message} (${where})`
}
