/** A handle of libuv that has a descriptor: TCP, UDP or a unix socket. */
export interface DescriptorHandle {
  readonly fd: number
  close(done?: () => void): void
}

/** One end of a pipe that can carry descriptors. Uses internals of Node, as raw-streams.ts does. */
export interface IpcPipe extends DescriptorHandle {
  onconnection?: (status: number, client: IpcPipe) => void
  onread?: (bytes?: ArrayBuffer) => void
  pendingHandle: DescriptorHandle | null
  bind(path: string): number
  listen(backlog: number): number
  connect(request: object, path: string): number
  open(fd: number): number
  readStart(): number
  unref(): void
  writeUtf8String(request: object, text: string, handle: DescriptorHandle): number
}

interface Request {
  oncomplete?: (status: number) => void
}

function bindings() {
  const { binding } = process as unknown as { binding: (name: string) => unknown }
  return {
    pipe: binding('pipe_wrap') as {
      Pipe: new (type: number) => IpcPipe
      PipeConnectWrap: new () => Request
      constants: { SERVER: number; IPC: number }
    },
    stream: binding('stream_wrap') as {
      WriteWrap: new () => Request
      streamBaseState: Int32Array
      kLastWriteWasAsync: number
      kReadBytesOrError: number
      kArrayBufferOffset: number
    }
  }
}

let made = 0

/** The other end, for any thread: whoever opens it closes it. */
export interface FarEnd {
  readonly fd: number
  /** Shared. 0: nobody has opened it; 1: somebody has; 2: it is closed. */
  readonly fate: Int32Array
}

/** Two connected ends. */
export async function joinedPipes(): Promise<{ near: IpcPipe; far: FarEnd }> {
  const { Pipe, PipeConnectWrap, constants } = bindings().pipe
  const server = new Pipe(constants.SERVER)
  // In the abstract namespace: no file, and gone with the process.
  const name = `\0lb-descriptors-${process.pid}-${++made}`
  const accepted = new Promise<IpcPipe>((resolve) => (server.onconnection = (_, client) => resolve(client)))
  if (server.bind(name) < 0 || server.listen(1) < 0) throw new Error('no pipe for descriptors')
  const near = new Pipe(constants.IPC)
  const request = new PipeConnectWrap()
  const connected = new Promise<number>((resolve) => (request.oncomplete = resolve))
  near.connect(request, name)
  if ((await connected) < 0) throw new Error('no pipe for descriptors')
  const other = await accepted
  server.close()
  // Keep the wrapper alive, since its finalizer would close the descriptor.
  const far: FarEnd = { fd: other.fd, fate: new Int32Array(new SharedArrayBuffer(4)) }
  handedOver.set(far.fate, other)
  for (const end of [near, other]) end.unref()
  return { near, far }
}

/**
 * Closes a far end that nobody has opened or will open, in the thread that made it: what has been sent there would stay open with it,
 * and sockets that listen would be given connections that nobody accepts.
 */
export function closeUnopened({ fate }: FarEnd): void {
  if (Atomics.compareExchange(fate, 0, 0, 2) !== 0) return
  handedOver.get(fate)?.close()
  handedOver.delete(fate)
}

/**
 * Opens the far end, in any thread; undefined: it is closed. `received` is called for each handle in order, with the label it was sent with;
 * without a handle when the table of descriptors is full.
 */
export function openFarEnd(
  { fd, fate }: FarEnd,
  received: (label: string, handle: DescriptorHandle | undefined) => void
): IpcPipe | undefined {
  const { Pipe, constants } = bindings().pipe
  const { streamBaseState, kReadBytesOrError, kArrayBufferOffset } = bindings().stream
  if (Atomics.compareExchange(fate, 0, 0, 1) !== 0) return undefined
  const pipe = new Pipe(constants.IPC)
  if (pipe.open(fd) < 0) throw new Error('no pipe for descriptors')
  pipe.onread = (bytes) => {
    const size = streamBaseState[kReadBytesOrError]!
    if (bytes === undefined || size <= 0) return
    const handle = pipe.pendingHandle ?? undefined
    pipe.pendingHandle = null
    // The kernel ends a read after every message with a descriptor.
    received(Buffer.from(bytes, streamBaseState[kArrayBufferOffset], size).toString('latin1'), handle)
  }
  pipe.readStart()
  pipe.unref()
  return pipe
}

/** Resolves when the kernel has it. The sender keeps its own descriptor. */
export function sendDescriptor(pipe: IpcPipe, label: string, handle: DescriptorHandle): Promise<void> {
  const { WriteWrap, streamBaseState, kLastWriteWasAsync } = bindings().stream
  return new Promise<void>((resolve, reject) => {
    const done = (status: number) =>
      status < 0 ? reject(new Error(`sending a descriptor: ${status}`)) : resolve()
    const request = new WriteWrap()
    request.oncomplete = done
    const status = pipe.writeUtf8String(request, label, handle)
    if (status < 0 || streamBaseState[kLastWriteWasAsync] === 0) done(status)
  })
}

/** By fate. */
const handedOver = new Map<Int32Array, IpcPipe>()
