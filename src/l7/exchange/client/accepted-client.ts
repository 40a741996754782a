import type { Admission } from '../../../net/admission/gate.ts'
import { localEndpoint, remoteEndpoint } from '../../../net/dial/endpoint.ts'
import type { TlsFacts } from '../../../net/tls/tls-facts.ts'
import type { Transport } from '../../../net/transport/transport.ts'
import { ClientConnection, type ConnectionFacts, type Ends } from './client-connection.ts'

/** The client behind an accepted connection. `ends`: as a PROXY header named them. */
export function acceptedClient(
  transport: Transport,
  admission: Admission | undefined,
  ends: Ends | undefined,
  http2 = false
): ClientConnection {
  const source = ends === undefined ? remoteEndpoint(transport) : ends.source
  const scheme = transport.secure ? 'https' : 'http'
  return new ClientConnection(
    source?.address ?? '',
    scheme,
    admission,
    new TransportFacts(transport, ends),
    http2
  )
}

class TransportFacts implements ConnectionFacts {
  readonly #transport: Transport
  readonly #ends: Ends | undefined

  constructor(transport: Transport, ends: Ends | undefined) {
    this.#transport = transport
    this.#ends = ends
  }

  get ends(): Ends {
    const transport = this.#transport
    return this.#ends ?? { source: remoteEndpoint(transport), destination: localEndpoint(transport) }
  }

  get tls(): TlsFacts | undefined {
    return this.#transport.tls
  }
}
