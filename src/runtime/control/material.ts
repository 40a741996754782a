import type { Config } from '../../config/model/model.ts'
import { pathText } from '../../config/report/problem.ts'
import { readListenerTls, type ListenerTlsMaterial } from '../../net/tls/listener-tls.ts'
import { readUpstreamTls, type UpstreamTlsMaterial } from '../../net/tls/upstream-tls.ts'
import type { Material } from '../plane/snapshot.ts'
import { StartError } from './start-error.ts'

/** Reads the certificate files that a configuration names. */
export class MaterialReader {
  /** Made once: a reload must not change the certificate that a developer has just accepted. */
  #selfSigned: Promise<ListenerTlsMaterial> | undefined

  /** Rejects with a StartError that names the file and the setting. */
  async read(config: Config): Promise<Material> {
    // No prototype: a listener may be named `constructor`.
    const listeners = Object.create(null) as Record<string, ListenerTlsMaterial>
    const pools = Object.create(null) as Record<string, UpstreamTlsMaterial>
    for (const [index, { name, tls }] of config.listeners.entries()) {
      if (tls === undefined) continue
      listeners[name] = await this.#listener(tls).catch((error: unknown) => {
        throw refusal(error, `listeners[${index}].tls`, `listener ${name}`)
      })
    }
    for (const { name, tls } of Object.values(config.pools)) {
      if (tls === undefined) continue
      try {
        pools[name] = readUpstreamTls(tls)
      } catch (error) {
        throw refusal(error, pathText(['pools', name, 'tls']), `pool ${name}`)
      }
    }
    return { listeners, pools }
  }

  async #listener(tls: NonNullable<Config['listeners'][number]['tls']>): Promise<ListenerTlsMaterial> {
    const read = await readListenerTls({ ...tls, selfSigned: false })
    if (!tls.selfSigned) return read
    this.#selfSigned ??= readListenerTls({ ...tls, certificates: [], selfSigned: true })
    const { certificates } = await this.#selfSigned
    return { ...read, certificates: [...read.certificates, ...certificates] }
  }
}

/** Files whose content is part of what runs; `--watch` looks at them too. */
export function materialFiles(config: Config): string[] {
  const files: (string | undefined)[] = []
  for (const { tls } of config.listeners) {
    for (const { cert, key } of tls?.certificates ?? []) files.push(cert, key)
    files.push(tls?.clientAuth?.ca)
  }
  for (const { tls } of Object.values(config.pools)) files.push(tls?.ca, tls?.cert, tls?.key)
  return [...new Set(files.filter((file) => file !== undefined))]
}

function refusal(error: unknown, setting: string, what: string): StartError {
  const { message, cause } = error as Error
  const why = cause instanceof Error ? `: ${cause.message}` : ''
  return new StartError({ code: 'LB_TLS', message: `${what}: ${message}${why}`, setting }, error)
}
