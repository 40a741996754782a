import { readFile } from 'node:fs/promises'
import type { ConnectionOptions } from 'node:tls'
import { ProbeUnable, type ProbeTarget } from '../probe.ts'

/**
 * How the probe speaks TLS: as the pool does, except that `verify` is the probe's own. Files are read for each probe
 * (tens of µs against a handshake of ms), so a renewed certificate needs no reload here.
 */
export async function probeTlsOptions({ address, config, tls }: ProbeTarget): Promise<ConnectionOptions> {
  const read = (path: string | undefined) =>
    path === undefined
      ? undefined
      : readFile(path).catch((cause: Error) => {
          throw new ProbeUnable(cause.message, { cause })
        })
  const [ca, cert, key] = await Promise.all([read(tls?.ca), read(tls?.cert), read(tls?.key)])
  const name = tls?.serverName ?? config.host ?? (address.kind === 'tcp' ? address.host : 'localhost')
  return {
    ca,
    cert,
    key,
    // RFC 6066 §3: an address is not a server name.
    servername: /^[\d.]+$|:/.test(name) ? '' : name,
    rejectUnauthorized: config.verify
  }
}
