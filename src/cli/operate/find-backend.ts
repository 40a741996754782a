import type { BackendView, PoolView } from '../../admin/control-plane.ts'
import { suggestion } from '../../config/report/nearest.ts'
import { CliError } from '../cli-error.ts'
import { exitCode } from '../exit-code.ts'

export interface Found {
  readonly pool: string
  readonly backend: BackendView
  /** `pool/backend` */
  readonly key: string
}

/**
 * The backend with the key `pool/backend`; names may contain slashes (`db/unix:/run/x.sock`), so whole keys are
 * compared.
 */
export function findBackend(pools: readonly PoolView[], key: string): Found {
  for (const pool of pools) {
    const backend = pool.backends.find((backend) => `${pool.name}/${backend.name}` === key)
    if (backend !== undefined) return { pool: pool.name, backend, key }
  }
  const pool = pools.find((pool) => key.startsWith(`${pool.name}/`))
  if (pool !== undefined) {
    const name = key.slice(pool.name.length + 1)
    const names = pool.backends.map((backend) => backend.name)
    throw usage(`pool ${pool.name} has no backend "${name}"${suggestion(name, names)}`)
  }
  const keys = pools.flatMap((pool) => pool.backends.map((backend) => `${pool.name}/${backend.name}`))
  const sameName = keys.filter((candidate) => candidate.endsWith(`/${key}`))
  if (sameName.length > 0) throw usage(`name the pool too: ${sameName.slice(0, 5).join(' or ')}`)
  if (!key.includes('/')) throw usage(`"${key}": a backend is named pool/backend${suggestion(key, keys)}`)
  throw usage(`there is no backend "${key}"${suggestion(key, keys)}`)
}

/** The pool with this name, or all. */
export function filterPools(pools: readonly PoolView[], name: string | undefined): readonly PoolView[] {
  if (name === undefined) return pools
  const pool = pools.find((pool) => pool.name === name)
  if (pool !== undefined) return [pool]
  throw usage(
    `there is no pool "${name}"${suggestion(
      name,
      pools.map((pool) => pool.name)
    )}`
  )
}

function usage(message: string): CliError {
  return new CliError(message, exitCode.usage)
}
