import { existsSync } from 'node:fs'

/**
 * The entry of a worker: unbuilt in the repository, built in the package, beside this file. Undefined in a bundle, which is
 * one file.
 */
export function workerFile(): URL | undefined {
  // A bundler that writes CommonJS leaves nothing here.
  const here = import.meta.url as string | undefined
  if (here === undefined) return undefined
  const file = new URL(`./worker.${here.endsWith('.ts') ? 'ts' : 'js'}`, here)
  return existsSync(file) ? file : undefined
}
