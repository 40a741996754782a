import { parse } from 'yaml'
import type { Target } from './reachable.ts'

export interface Tour {
  /** One line per listener of the file. */
  readonly listeners: readonly string[]
  /** Commands to try. */
  readonly lines: readonly string[]
  readonly targets: readonly Target[]
}

interface ListenerYaml {
  name?: string
  mode?: string
  bind?: string | string[]
}

/** What to show of a config file: read from it, so that it stays true when the file is edited. */
export function tour(yaml: string): Tour {
  const config = parse(yaml) as { listeners?: ListenerYaml[]; admin?: { bind?: string | string[] } } | null
  const entries = (config?.listeners ?? []).map(({ name, mode, bind }) => ({
    name,
    mode,
    target: targetOf(bind)
  }))
  const admin = targetOf(config?.admin?.bind)
  const find = (mode: string): Target | undefined =>
    entries.find((entry) => entry.mode === mode && entry.target !== undefined)?.target
  const l7 = find('l7')
  const l4 = find('l4')

  const listeners = entries.flatMap(({ name, mode, target }) =>
    target === undefined ? [] : [`  ${mode}     ${text(target)}${name === undefined ? '' : `  ${name}`}`]
  )
  if (admin !== undefined) listeners.push(`  admin  ${text(admin)}`)
  const lines: string[] = []
  if (l7 !== undefined)
    lines.push(`  curl http://${text(l7)}/          # again and again: the backend changes`)
  if (l4 !== undefined)
    lines.push(`  nc ${l4.host} ${l4.port}                     # the same over plain TCP: type a line`)
  if (admin !== undefined)
    lines.push(`  curl http://${text(admin)}/metrics   # what lb counts; /api/pools for states`)
  const targets = [...entries.map((entry) => entry.target), admin].filter((target) => target !== undefined)
  return { listeners, lines, targets }
}

function text({ host, port }: Target): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** The first host:port of a bind, as a client on this machine reaches it; undefined for unix sockets and ${ENV}. */
function targetOf(bind: string | string[] | undefined): Target | undefined {
  const first = Array.isArray(bind) ? bind[0] : bind
  const match = /^(?<host>.*):(?<port>\d+)$/.exec(String(first ?? ''))
  if (match === null) return undefined
  const host = match.groups!.host!.replace(/^\[(.*)\]$/, '$1')
  const local = host === '' || host === '0.0.0.0' || host === '::' || host === '*' ? '127.0.0.1' : host
  return { host: local, port: Number(match.groups!.port) }
}
