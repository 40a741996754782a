import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { readBackendList } from '../../../config/backend-list.ts'
import type { Config } from '../../../config/model/model.ts'
import { type Finding, type Path, warningAt } from '../../../config/report/problem.ts'
import { systemReason } from '../../../config/report/system-reason.ts'

const UNTIL = 'until then the pool has only what is under `backends`'

/**
 * What pools name on this machine: sockets of backends, and files and sockets that backends are learnt from. All are
 * warnings only, since they may come later, and lb waits for them.
 */
export function* checkSources(config: Config): Generator<Finding> {
  for (const [name, { backends, discover }] of Object.entries(config.pools)) {
    const path: Path = ['pools', name]
    for (const [index, { address }] of backends.entries()) {
      if (address.kind !== 'unix') continue
      const why = whyNoSocket(address.path)
      if (why !== undefined) yield warningAt([...path, 'backends', index], `${why}; is the server running?`)
    }
    if (discover === undefined) continue
    const why = whyNotLearnt(discover)
    if (why !== undefined) yield warningAt([...path, 'discover', discover.kind], `${why}; ${UNTIL}`)
  }
}

function whyNotLearnt(discover: NonNullable<Config['pools'][string]['discover']>): string | undefined {
  if (discover.kind === 'docker') return whyNoSocket(discover.socket)
  if (discover.kind === 'kubernetes' && discover.kubeconfig !== undefined)
    return whyUnreadable(discover.kubeconfig)
  if (discover.kind !== 'file') return undefined
  try {
    const list = readBackendList(readFileSync(discover.path, 'utf8'), discover.path)
    return typeof list === 'string' ? list : undefined
  } catch (error) {
    return `cannot read ${discover.path}: ${systemReason(error)}`
  }
}

function whyNoSocket(path: string): string | undefined {
  try {
    return statSync(path).isSocket() ? undefined : `${path} is not a socket`
  } catch (error) {
    return `there is no socket ${path}: ${systemReason(error)}`
  }
}

function whyUnreadable(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK)
    return undefined
  } catch (error) {
    return `cannot read ${path}: ${systemReason(error)}`
  }
}
