import type { ClientConnection } from '../client/client-connection.ts'
import type { DownstreamStream } from '../downstream-stream.ts'

/** The client's side of a dry run: keeps the head of the answer, and drops its body. */
export class DryStream implements DownstreamStream {
  readonly client: ClientConnection
  readonly reading = false
  readonly bodyComplete = true
  answer: { readonly status: number; readonly fields: string } | undefined

  constructor(client: ClientConnection) {
    this.client = client
  }

  sendHead(status: number, _reason: string, fields: string): void {
    this.answer = { status, fields }
  }

  flush(): boolean {
    return true
  }

  startBody(): void {}
  pauseBody(): void {}
  resumeBody(): void {}
  sendInterim(): void {}
  sendBody(): void {}
  sendText(): void {}
  sendOwned(): void {}
  sendEnd(): void {}
  closeAfter(): void {}
  abort(): void {}
  tunnel(): void {}
}
