import tls from 'node:tls'
import type { Probe } from '../probe.ts'
import { probeTlsOptions } from './backend-tls.ts'
import { converse } from './tcp.ts'

/** A TLS handshake; then as tcp. */
export const tlsProbe: Probe = async (target, signal) => {
  const { address } = target
  const options = await probeTlsOptions(target)
  signal.throwIfAborted()
  const socket =
    address.kind === 'unix'
      ? tls.connect({ ...options, path: address.path })
      : tls.connect({ ...options, host: address.host, port: address.port })
  return converse(socket, 'secureConnect', target, signal)
}
