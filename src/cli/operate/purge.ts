import type { AdminClient, PurgeBody } from '../admin-client/admin-client.ts'
import { CliError } from '../cli-error.ts'
import { exitCode } from '../exit-code.ts'
import type { Terminal } from '../terminal.ts'

export interface PurgeOptions {
  readonly prefix?: readonly string[]
  readonly tag?: readonly string[]
  readonly all?: boolean
  readonly cache?: string
  readonly soft?: boolean
}

/** `lb purge <url>`, or by prefix, tag, or everything. */
export async function purge(
  client: AdminClient,
  urls: readonly string[],
  options: PurgeOptions,
  terminal: Terminal
): Promise<void> {
  const { purged, caches, unsent = [] } = await client.purge(purgeBody(urls, options))
  const names = caches.join(', ')
  const responses = `${purged} response${purged === 1 ? '' : 's'}`
  if (options.soft === true)
    terminal.write(
      `${responses} ${purged === 1 ? 'is' : 'are'} stale now${names === '' ? '' : ` in ${names}`}\n`
    )
  else terminal.write(`purged ${responses}${names === '' ? '' : ` from ${names}`}\n`)
  const hint = purged === 0 ? whyNothing(urls, options) : undefined
  if (hint !== undefined) terminal.write(`${hint}\n`)
  for (const cache of unsent) {
    terminal.write(`cache ${cache}: Redis cannot be reached; other instances will purge when it is back\n`)
  }
}

/** Slips that look as if they had worked; what is left is that nothing was stored. */
function whyNothing(urls: readonly string[], { prefix = [] }: PurgeOptions): string | undefined {
  if (prefix.some((text) => text.endsWith('*'))) return 'a prefix has no wildcards: leave the * out'
  const written = urls[0] ?? prefix[0]
  if (written === undefined) return undefined
  const other = /^https:/i.test(written) ? 'http' : 'https'
  return `nothing was stored there; ${other} and other ports are other URLs, lb explain ${written} shows the key`
}

function purgeBody(urls: readonly string[], { prefix, tag, all, cache, soft }: PurgeOptions): PurgeBody {
  const targets: PurgeBody[] = []
  if (urls.length > 0) targets.push({ url: urls })
  if (prefix !== undefined) targets.push({ prefix })
  if (tag !== undefined) targets.push({ tag })
  if (all === true) targets.push({ all })
  if (targets.length !== 1) {
    throw new CliError('say what to purge: one of <url>, --prefix, --tag and --all', exitCode.usage)
  }
  return {
    ...targets[0]!,
    ...(cache === undefined ? {} : { cache }),
    ...(soft === true ? { soft } : {})
  }
}
