import type { Admission } from '../../../net/admission/gate.ts'
import { localEndpoint, remoteEndpoint } from '../../../net/dial/endpoint.ts'
import type { TlsFacts } from '../../../net/tls/tls-facts.ts'
import type { Transport } from '../../../net/transport/transport.ts'
import { ClientConnection, type Ends } from './client-connection.ts'

/** The client behind an accepted connection. */
export class AcceptedClient extends ClientConnection {
  readonly #transport: Transport
  readonly #ends: Ends | undefined

  /** `ends`: as a PROXY header named them. */
  constructor(transport: Transport, admission: Admission | undefined, ends: Ends | undefined, http2 = false) {
    const source = ends === undefined ? remoteEndpoint(transport) : ends.source
    super(source?.address ?? '', transport.secure ? 'https' : 'http', admission, http2)
    this.#transport = transport
    this.#ends = ends
  }

  override get ends(): Ends {
    const transport = this.#transport
    return this.#ends ?? { source: remoteEndpoint(transport), destination: localEndpoint(transport) }
  }

  override get tls(): TlsFacts | undefined {
    return this.#transport.tls
  }
}
