import type { AdminClient, PurgeBody } from '../admin-client/admin-client.ts'
import { CliError } from '../cli-error.ts'
import { exitCode } from '../exit-code.ts'
import type { Terminal } from '../terminal.ts'

export interface PurgeOptions {
  readonly prefix?: string
  readonly tag?: string
  readonly all?: boolean
  readonly cache?: string
}

/** `lb purge <url>`, or by prefix, tag, or everything. */
export async function purge(
  client: AdminClient,
  url: string | undefined,
  options: PurgeOptions,
  terminal: Terminal
): Promise<void> {
  const { purged, caches, unsent = [] } = await client.purge(purgeBody(url, options))
  const from = caches.length === 0 ? '' : ` from ${caches.join(', ')}`
  terminal.write(`purged ${purged} response${purged === 1 ? '' : 's'}${from}\n`)
  const hint = purged === 0 ? whyNothing(url, options) : undefined
  if (hint !== undefined) terminal.write(`${hint}\n`)
  for (const cache of unsent) {
    terminal.write(`cache ${cache}: Redis cannot be reached; other instances will purge when it is back\n`)
  }
}

/** Slips that look as if they had worked; what is left is that nothing was stored. */
function whyNothing(url: string | undefined, { prefix }: PurgeOptions): string | undefined {
  if (prefix?.endsWith('*') === true) return 'a prefix has no wildcards: leave the * out'
  const written = url ?? prefix
  if (written === undefined) return undefined
  const other = /^https:/i.test(written) ? 'http' : 'https'
  return `nothing was stored there; ${other} and other ports are other URLs, lb explain ${written} shows the key`
}

function purgeBody(url: string | undefined, { prefix, tag, all, cache }: PurgeOptions): PurgeBody {
  const targets: PurgeBody[] = []
  if (url !== undefined) targets.push({ url })
  if (prefix !== undefined) targets.push({ prefix })
  if (tag !== undefined) targets.push({ tag })
  if (all === true) targets.push({ all })
  if (targets.length !== 1) {
    throw new CliError('say what to purge: one of <url>, --prefix, --tag and --all', exitCode.usage)
  }
  return { ...targets[0]!, ...(cache === undefined ? {} : { cache }) }
}
