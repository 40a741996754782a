import { existsSync } from 'node:fs'

/**
 * The entry file of a worker, beside this file: TypeScript in the repository, JavaScript in the package. Undefined in a
 * bundle, which is a single file.
 */
export function workerFile(): URL | undefined {
  // Undefined in a bundle of CommonJS.
  const here = import.meta.url as string | undefined
  if (here === undefined) return undefined
  const file = new URL(`./worker.${here.endsWith('.ts') ? 'ts' : 'js'}`, here)
  return existsSync(file) ? file : undefined
}
