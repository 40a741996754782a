import type { UdpHandle } from './udp-handle.ts'

interface Pipe {
  readonly fd: number
  onconnection?: (status: number, client: Pipe) => void
  onread?: () => void
  pendingHandle: UdpHandle | null
  bind(path: string): number
  listen(backlog: number): number
  connect(request: object, path: string): number
  open(fd: number): number
  readStart(): number
  writeUtf8String(request: object, text: string, handle: UdpHandle): number
  close(): void
}

/**
 * A second descriptor of one socket. Threads share the table of descriptors, and a worker that dies closes the number that
 * it was given: so each worker gets a number of its own, while the main thread keeps the socket. Node has no dup(2), but
 * what a process sends itself over an IPC pipe arrives as another descriptor.
 */
export class Duplicator {
  #ends: Promise<{ readonly from: Pipe; readonly to: Pipe }> | undefined
  #last: Promise<unknown> = Promise.resolve()

  /** One after the other. The handle returned is not read from: its `fd` is for another thread to open. */
  duplicate(handle: UdpHandle): Promise<UdpHandle> {
    const next = this.#last.then(() => this.#duplicate(handle))
    this.#last = next.catch(() => {})
    return next
  }

  async #duplicate(handle: UdpHandle): Promise<UdpHandle> {
    const { from, to } = await (this.#ends ??= connectToSelf())
    return new Promise<UdpHandle>((resolve, reject) => {
      to.onread = () => {
        const copy = to.pendingHandle
        to.pendingHandle = null
        if (copy !== null) resolve(copy)
        else reject(new Error('no descriptor came'))
      }
      const { WriteWrap } = bindings().stream
      const request = new WriteWrap()
      request.oncomplete = (status: number) =>
        status < 0 && reject(new Error(`sending a descriptor: ${status}`))
      const status = from.writeUtf8String(request, 'd', handle)
      if (status < 0) reject(new Error(`sending a descriptor: ${status}`))
    })
  }
}

interface Request {
  oncomplete?: (status: number) => void
}

function bindings() {
  const { binding } = process as unknown as { binding: (name: string) => unknown }
  return {
    pipe: binding('pipe_wrap') as {
      Pipe: new (type: number) => Pipe
      PipeConnectWrap: new () => Request
      constants: { SERVER: number; IPC: number }
    },
    stream: binding('stream_wrap') as { WriteWrap: new () => Request }
  }
}

let made = 0

async function connectToSelf(): Promise<{ from: Pipe; to: Pipe }> {
  const { Pipe, PipeConnectWrap, constants } = bindings().pipe
  const server = new Pipe(constants.SERVER)
  // Of the abstract name space: no file, and gone with the process.
  const name = `\0lb-descriptors-${process.pid}-${++made}`
  const accepted = new Promise<Pipe>((resolve) => (server.onconnection = (_, client) => resolve(client)))
  if (server.bind(name) < 0 || server.listen(1) < 0) throw new Error('no pipe for descriptors')
  const from = new Pipe(constants.IPC)
  const request = new PipeConnectWrap()
  const connected = new Promise<number>((resolve) => (request.oncomplete = resolve))
  from.connect(request, name)
  if ((await connected) < 0) throw new Error('no pipe for descriptors')
  const other = await accepted
  server.close()
  const to = new Pipe(constants.IPC)
  // `other` owns the number; it lives as long as the process, as `to` does.
  kept.push(other)
  if (to.open(other.fd) < 0) throw new Error('no pipe for descriptors')
  to.readStart()
  for (const end of [from, to, other]) (end as unknown as { unref(): void }).unref()
  return { from, to }
}

const kept: unknown[] = []
