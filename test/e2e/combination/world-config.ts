import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../../../src/config/load-config.ts'
import type { Config } from '../../../src/config/model/model.ts'
import type { MainsUp } from './happenings/downs.ts'
import type { Purges } from './happenings/purges.ts'
import type { BackendKind, CombinationOrigin } from './origins/origin.ts'
import { SERVICE } from './services/dns.ts'
import type { WorldFeature } from './world-features.ts'

/** What a configuration is made of, beside its features. */
export interface Setting {
  readonly backendKind: BackendKind
  readonly backends: readonly string[]
  readonly origins: readonly CombinationOrigin[]
  /** The third backend serves only in place of the others. */
  readonly backups: boolean
  readonly mainsUp: MainsUp
  readonly purges: Purges
  /** How many answers of backends have come. */
  readonly answered: () => number
  readonly shadow: string
  readonly datagrams: string
  readonly workers: number
  readonly certificate: { readonly cert: string; readonly key: string }
  /** The same, as text. */
  readonly pair: { readonly cert: string; readonly key: string }
  readonly caFile: string
  /** Path of the listener on a unix socket. */
  readonly unix: string
  /** After the names of listeners. */
  readonly suffix?: string
  /** Where they are bound; left out: the system chooses, for each name anew. */
  readonly ports: readonly number[] | undefined
  readonly folder: string
  /** One that stands beside another: its files are its own. */
  readonly second: boolean
  /** URL; empty for none. */
  readonly redis: string
  /** One that names a responder. */
  readonly stapled: { readonly cert: string; readonly key: string } | undefined
  /** URL of who is asked about tokens. */
  readonly introspection: string
  /** … and of who decides about requests. */
  readonly forwardAuth: string
  /** File with the backends, where they are discovered. */
  readonly list: string | undefined
  /** Address of the DNS server that knows them, where that is asked. */
  readonly dns: string | undefined
}

/** Four doors to the same routes, and one for datagrams. */
export function worldConfig(features: readonly WorldFeature[], setting: Setting): object {
  const { backendKind, backends } = setting
  const http2 = backendKind === 'h2' || backendKind === 'h2c'
  const base = {
    breaker: false,
    timeouts: { response: '700ms', idle: '5s' },
    ...(backendKind === 'tls' || backendKind === 'h2' ? { tls: { ca: setting.caFile, serverName: 'localhost' } } : {})
  } // prettier-ignore
  let pool: object = { ...base, ...(http2 ? { protocol: backendKind } : {}) }
  let bytes: object = base
  let route: object = { name: 'all', match: {}, pool: 'site' }
  // Heads that come in octets take their time here.
  let listener: object = { mode: 'l7', protocols: ['h2', 'http/1.1'], timeouts: { requestHeaders: '60s' } }
  let relay: object = { mode: 'l4' }
  let config: object = {}
  let tls: { readonly certificates: unknown; readonly clientAuth?: object } = {
    certificates: [setting.certificate]
  }
  const before: object[] = []
  for (const feature of features) {
    pool = merged(pool, feature.pool ?? {})
    if (!http2) pool = merged(pool, feature.http1Pool ?? {})
    bytes = merged(bytes, feature.bytes ?? {})
    route = merged(route, feature.route ?? {})
    listener = merged(listener, feature.listener ?? {})
    relay = merged(relay, feature.relay ?? {})
    config = merged(config, feature.config ?? {})
    tls = { ...tls, ...feature.tls }
    before.push(...(feature.routes ?? []))
  }
  const routes = before.map((each) => ('pool' in each ? merged(route, each) : each))
  const bind = (at: number): string => `127.0.0.1:${setting.ports?.[at] ?? 0}`
  const named = (name: string): string => name + (setting.suffix ?? '')
  const l7 = { ...listener, routes: [...routes, route] }
  const given =
    setting.dns !== undefined
      ? { discover: { dns: SERVICE, type: 'srv', interval: '1s', servers: [setting.dns] } }
      : setting.list === undefined
        ? { backends: withBackups(backends, setting.backups) }
        : { discover: { file: setting.list } }
  const all = {
    workers: setting.workers,
    listeners: [
      { name: named('clear'), bind: bind(0), ...l7 },
      { name: named('tls'), bind: bind(1), tls, ...l7 },
      { name: named('unix'), bind: `unix:${setting.unix}`, ...l7 },
      ...(http2 ? [] : [{ name: named('l4'), pool: 'bytes', ...relay, bind: bind(2) }]),
      ...(http2
        ? []
        : [
            {
              name: named('l4-tls'),
              pool: 'bytes',
              tls: {
                ...(tls.clientAuth && { clientAuth: tls.clientAuth }),
                certificates: [setting.certificate]
              },
              ...relay,
              bind: bind(3)
            }
          ]),
      {
        name: named('udp'),
        ...relay,
        bind: bind(4),
        protocol: 'udp',
        udp: { idle: '1s' },
        pool: 'datagrams'
      }
    ],
    pools: {
      site: { ...pool, ...given },
      shadow: { ...pool, backends: [setting.shadow] },
      ...(http2 ? {} : { bytes: { ...bytes, backends: withBackups(backends, setting.backups) } }),
      datagrams: { backends: [setting.datagrams] }
    },
    ...config
  }
  const text = JSON.stringify(all)
    .replaceAll(/\{folder\}\/(access|fields)\.log/g, setting.second ? '{folder}/second.log' : '$&')
    .replaceAll('{folder}', setting.folder)
    .replaceAll('{redis}', setting.redis)
    .replaceAll('{forwardAuth}', setting.forwardAuth)
    .replaceAll('{ca}', setting.caFile)
    .replaceAll('{introspection}', setting.introspection)
    .replaceAll('"{stapled}"', JSON.stringify(setting.stapled ?? setting.certificate))
    .replaceAll('{plugins}', join(import.meta.dirname, 'plugins'))
  return JSON.parse(text) as object
}

/** The third of them is one. */
export function withBackups(backends: readonly string[], backups: boolean): readonly unknown[] {
  return backends.map((address, at) => (backups && at === 2 ? { address, backup: true } : address))
}

/** As read from a file, which plugins need. */
export async function readWorld(features: readonly WorldFeature[], setting: Setting): Promise<Config> {
  const file = join(setting.folder, setting.second ? 'second.yaml' : 'lb.yaml')
  writeFileSync(file, JSON.stringify(worldConfig(features, setting)))
  const loaded = await loadConfig(file, {})
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  return loaded.config
}

/** One level deep: `connections` of two features go together. */
function merged(base: object, over: object): object {
  const all: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over) as [string, unknown][]) {
    if (key === 'plugins' && Array.isArray(all[key])) {
      all[key] = [...(all[key] as unknown[]), value].flat()
      continue
    }
    const both = [all[key], value].every((each) => typeof each === 'object' && !Array.isArray(each))
    all[key] = both ? { ...(all[key] as object), ...(value as object) } : value
  }
  return all
}
