import * as grpc from '@grpc/grpc-js'
import type { Test } from 'tap'

/** What a request asks for. It is JSON, filled up with blanks to `pad` bytes. */
export interface Asked {
  readonly pad?: number
  /** Bytes of each response. */
  readonly sizes?: readonly number[]
  /** A status to end with. */
  readonly status?: { readonly code: number; readonly details: string }
  /** Sent back as it is, in place of zeros. */
  readonly echo?: string
}

type Heard = Asked & { readonly bytes: number }

const codec = {
  requestSerialize: (asked: Asked) => {
    const { pad = 0, ...rest } = asked
    const text = Object.keys(rest).length === 0 ? '' : JSON.stringify(rest)
    return Buffer.from(text.padEnd(pad))
  },
  requestDeserialize: (bytes: Buffer): Heard => ({
    ...(JSON.parse(bytes.toString().trim() || '{}') as Asked),
    bytes: bytes.length
  }),
  responseSerialize: (bytes: Buffer) => bytes,
  responseDeserialize: (bytes: Buffer) => bytes
}
const method = (name: string, requestStream: boolean, responseStream: boolean, service = 'TestService') => ({ path: `/grpc.testing.${service}/${name}`, requestStream, responseStream, ...codec }) // prettier-ignore

const empty = { ...method('EmptyCall', false, false), requestSerialize: () => Buffer.alloc(0) }
export const service = {
  emptyCall: empty,
  unaryCall: method('UnaryCall', false, false),
  streamingInputCall: method('StreamingInputCall', true, false),
  streamingOutputCall: method('StreamingOutputCall', false, true),
  fullDuplexCall: method('FullDuplexCall', true, true)
}
/** What the server does not have. */
export const missing = {
  ...service,
  unimplementedCall: { ...empty, path: '/grpc.testing.TestService/UnimplementedCall' },
  otherService: { ...empty, path: '/grpc.testing.UnimplementedService/UnimplementedCall' }
}

export const INITIAL = 'x-grpc-test-echo-initial'
export const TRAILING = 'x-grpc-test-echo-trailing-bin'

function echoMetadata(call: {
  metadata: grpc.Metadata
  sendMetadata(metadata: grpc.Metadata): void
}): grpc.Metadata {
  const initial = call.metadata.get(INITIAL)[0]
  if (initial !== undefined) {
    const head = new grpc.Metadata()
    head.set(INITIAL, initial)
    call.sendMetadata(head)
  }
  const trailing = call.metadata.get(TRAILING)[0]
  const trailers = new grpc.Metadata()
  if (trailing !== undefined) trailers.set(TRAILING, trailing)
  return trailers
}

function answersTo({ sizes = [], echo }: Heard): Buffer[] {
  return echo === undefined ? sizes.map((size) => Buffer.alloc(size)) : [Buffer.from(echo)]
}

const handlers: grpc.UntypedServiceImplementation = {
  emptyCall(_: unknown, answer: grpc.sendUnaryData<Buffer>) {
    answer(null, Buffer.alloc(0))
  },
  unaryCall(call: grpc.ServerUnaryCall<Heard, Buffer>, answer: grpc.sendUnaryData<Buffer>) {
    const trailers = echoMetadata(call)
    const { status } = call.request
    if (status !== undefined) return answer({ ...status, metadata: trailers })
    answer(null, answersTo(call.request)[0] ?? Buffer.alloc(0), trailers)
  },
  streamingInputCall(call: grpc.ServerReadableStream<Heard, Buffer>, answer: grpc.sendUnaryData<Buffer>) {
    let bytes = 0
    call.on('data', (part: Heard) => (bytes += part.bytes))
    call.on('end', () => answer(null, Buffer.from(String(bytes))))
    call.on('error', () => {})
  },
  streamingOutputCall(call: grpc.ServerWritableStream<Heard, Buffer>) {
    for (const bytes of answersTo(call.request)) call.write(bytes)
    call.end()
  },
  fullDuplexCall(call: grpc.ServerDuplexStream<Heard, Buffer>) {
    const trailers = echoMetadata(call)
    call.on('data', (part: Heard) => {
      if (part.status !== undefined) call.emit('error', part.status)
      else for (const bytes of answersTo(part)) call.write(bytes)
    })
    call.on('end', () => call.end(trailers))
    call.on('error', () => {})
  }
}

/** A backend of gRPC on a free port; with a certificate over TLS. */
export async function grpcBackend(t: Test, pair?: { cert: string; key: string }): Promise<string> {
  const server = new grpc.Server()
  server.addService(service, handlers)
  const credentials =
    pair === undefined
      ? grpc.ServerCredentials.createInsecure()
      : grpc.ServerCredentials.createSsl(null, [
          { cert_chain: Buffer.from(pair.cert), private_key: Buffer.from(pair.key) }
        ])
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error)
    )
  )
  t.teardown(() => server.forceShutdown())
  return `127.0.0.1:${port}`
}

export type Client = grpc.Client & Record<string, (...args: unknown[]) => unknown>

export function grpcClient(t: Test, port: number, ca?: string): Client {
  const Service = grpc.makeGenericClientConstructor(missing, 'TestService')
  const credentials =
    ca === undefined ? grpc.credentials.createInsecure() : grpc.credentials.createSsl(Buffer.from(ca))
  const options = { 'grpc.ssl_target_name_override': 'a.example', 'grpc.use_local_subchannel_pool': 1 }
  const client = new Service(`127.0.0.1:${port}`, credentials, options) as unknown as Client
  t.teardown(() => client.close())
  return client
}

export interface Ended {
  readonly code: number
  readonly details: string
  readonly initial: grpc.Metadata | undefined
  readonly trailers: grpc.Metadata | undefined
  readonly answers: readonly Buffer[]
}

type Call = grpc.ClientDuplexStream<Asked, Buffer>

/** Hears a call to its end. `onAnswer` may go on with it; a call of one answer has the answer from its callback. */
export async function heard(
  call: Call,
  onAnswer: (bytes: Buffer, count: number) => void = () => {}
): Promise<Ended> {
  const answers: Buffer[] = []
  let initial: grpc.Metadata | undefined
  call.on('metadata', (metadata: grpc.Metadata) => (initial = metadata))
  call.on('data', (bytes: Buffer) => {
    answers.push(bytes)
    onAnswer(bytes, answers.length)
  })
  call.on('error', () => {})
  return new Promise((resolve) =>
    call.on('status', ({ code, details, metadata }) =>
      setImmediate(() => resolve({ code, details, initial, trailers: metadata, answers }))
    )
  )
}

/** A call with one answer; `feed` sends a streaming request. */
export async function single(client: Client, name: string, asked: Asked | undefined, metadata = new grpc.Metadata(), feed?: (call: Call) => void): Promise<Ended> {
  let answer: Buffer | undefined
  let told: () => void = () => {}
  const called = new Promise<void>((resolve) => (told = resolve))
  const callback = (_: unknown, bytes?: Buffer): void => {
    answer = bytes
    told()
  }
  const call = (asked === undefined ? client[name]!(metadata, callback) : client[name]!(asked, metadata, callback)) as Call
  feed?.(call)
  const ended = await heard(call)
  await called
  return { ...ended, answers: answer === undefined ? [] : [answer] }
} // prettier-ignore
