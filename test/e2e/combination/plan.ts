import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'

/** A GOAWAY of a backend. */
export interface GoAway {
  readonly when: 'asked' | 'uploading' | 'answering' | 'answered'
  /** The stream is not among those that are carried out. */
  readonly refuses: boolean
  readonly error: boolean
}

/** What one generated request is, and how the backend is to treat it. It travels in the field X-Plan. */
export interface Plan {
  readonly id: string
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS'
  /** How its client comes in. */
  door: string
  /** … and to which lb, where there are two. */
  instance: number
  host: string
  /** HTTP/1.1 clients name the host in the request line; the field Host then says this, and counts for nothing. */
  otherHost: string
  path: string
  /** Bytes of the upload; 0 for none. */
  upload: number
  /** Its length is not said beforehand. */
  chunkedUpload: boolean
  /** Bytes that the client writes at a time; 0: as it comes. */
  piece: number
  /** Bytes that the backend writes at a time; 0: as it comes. */
  answerPiece: number
  /** Pause in ms before each piece of the upload. */
  pieceMs: number
  /** Content-Encoding of the upload. */
  coding: 'gzip' | 'deflate' | 'br' | 'zstd' | undefined
  /** The client waits a moment for 100 Continue before it sends the body. */
  expects: boolean
  status: number
  /** Bytes of the answer's body, where its status has one. */
  size: number
  framing: 'length' | 'chunked' | 'close'
  /** The version that the backend's status line names; HTTP/1.1 only. */
  version: '1.0' | '1.1' | '1.2'
  /** White space behind the sizes of the answer's chunks, as old servers pad them. */
  padding: string
  /** Interim responses before the answer. */
  interim: number
  /** The backend closes a kept connection on which this request comes, without an answer. */
  closesKept: boolean
  /** … after this much of the upload. */
  closesAfter: number
  /** The backend closes the connection with the answer. */
  closesAfterwards: boolean
  /** The backend says then that it takes no more streams on this connection; HTTP/2 only. */
  goesAway: GoAway | undefined
  /** The backend gives up in the middle of the answer's body. */
  cuts: boolean
  /** The answer comes in pieces, this many ms apart; 0: at once. */
  drip: number
  /** Answers as soon as it has the head. */
  early: boolean
  /** Never answers. */
  hangs: boolean
  /** Trailers that say whose they are end the upload, and the answer. */
  trails: boolean
  /** A call of gRPC, whose answer ends with trailers; over HTTP/2 only. */
  grpc: boolean
  /** … from a page: its trailers come as the last piece of the body. */
  grpcWeb: boolean
  cacheControl: string
  /** Fields that the backend sends besides. */
  answerFields: string
  /** Fields that the client sends besides. */
  fields: string
  /** The client goes away in the middle of its upload, of the answer, or between both. */
  leaves: 'sending' | 'waiting' | 'reading' | undefined
  /** … so many ms after the last byte of its request. */
  leavesAfterMs: number
  /** … with a reset. */
  resets: boolean
  /** The client sends FIN behind its last request, and reads on. */
  halfCloses: boolean
  /** The client stops in the middle of its upload and waits. */
  stalls: boolean
  /** How it shows a token that is bound to a key or a certificate. */
  bound:
    | 'proof'
    | 'seen proof'
    | 'no nonce'
    | 'guessed nonce'
    | 'no proof'
    | 'stolen proof'
    | 'certificate'
    | 'no certificate'
    | undefined
  /** The client certificate that its connection shows, where one has to be shown. */
  certificate: 'own' | 'foreign' | undefined
  /** How long the client took to write the head; Infinity while it does. */
  headMs: number
  /** What the plugin does with it that it must not. */
  nonsense: string
  /** The client takes its time to read. */
  slowReader: boolean
}

export function plainPlan(id: string): Plan {
  return {
    id,
    method: 'GET',
    door: '',
    instance: 0,
    host: 'lb.test',
    otherHost: '',
    path: `/r/${id}`,
    upload: 0,
    chunkedUpload: false,
    piece: 0,
    answerPiece: 0,
    pieceMs: 0,
    coding: undefined,
    expects: false,
    status: 200,
    size: 100,
    framing: 'length',
    version: '1.1',
    padding: '',
    interim: 0,
    closesKept: false,
    closesAfter: 0,
    closesAfterwards: false,
    goesAway: undefined,
    cuts: false,
    drip: 0,
    early: false,
    hangs: false,
    trails: false,
    grpc: false,
    grpcWeb: false,
    cacheControl: '',
    answerFields: '',
    fields: '',
    leaves: undefined,
    leavesAfterMs: 0,
    resets: false,
    halfCloses: false,
    stalls: false,
    bound: undefined,
    certificate: undefined,
    headMs: 0,
    nonsense: '',
    slowReader: false
  }
}

/** Bytes that tell by themselves where they belong. */
export function bytesOf(id: string, size: number): Buffer {
  const line = `${id};`
  return Buffer.from(line.repeat(Math.ceil(size / line.length)).slice(0, size), 'latin1')
}

/** The upload as it goes out. */
export function bytesSent({ id, upload, coding }: Plan): Buffer {
  const bytes = bytesOf(id, upload)
  return coding === undefined ? bytes : coders[coding](bytes)
}

const coders = {
  gzip: (bytes: Buffer) => gzipSync(bytes),
  deflate: (bytes: Buffer) => deflateSync(bytes),
  br: (bytes: Buffer) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
  zstd: (bytes: Buffer) => zstdCompressSync(bytes)
}

/** A body in chunks of a tenth, as it goes out. */
export function chunked(body: Buffer, trailers = ''): Buffer {
  const size = Math.max(1, Math.ceil(body.length / 10))
  const parts: (string | Buffer)[] = []
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size)
    parts.push(`${part.length.toString(16)}\r\n`, part, '\r\n')
  }
  return Buffer.concat([...parts, `0\r\n${trailers}\r\n`].map((part) => Buffer.from(part as string)))
}

/** Of the upload, as lines. */
export function trailersOf({ trails, id }: Plan): string {
  return trails ? `X-Trail: ${id}\r\n` : ''
}

/** The client itself may cut what comes on this connection. */
export function cutsShort({ leaves, halfCloses, stalls }: Plan): boolean {
  return leaves !== undefined || halfCloses || stalls
}

export function isBodiless({ method }: Plan, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304
}

/** Name and value of each of `A: b\r\nC: d\r\n`. */
export function fieldPairs(lines: string): [string, string][] {
  return lines
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => {
      const colon = line.indexOf(': ')
      return [line.slice(0, colon), line.slice(colon + 2)]
    })
}

/** In fields that only a proxy may send, and in spellings that not even a trusted one does. */
export const FORGED = 'forged-by-the-client'

/** Whether such a field has come to the backend; Layer 4 reads none. */
export function isForged({ door }: Plan, head: string): boolean {
  return !door.startsWith('l4') && head.includes(`: ${FORGED}\r\n`)
}

/** The first value of a field in the text of a head. */
export function fieldOf(head: string, name: string): string | undefined {
  return new RegExp(`\\r\\n${name}: (.*)\\r\\n`, 'i').exec(head)?.[1]
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => (ms > 0 ? setTimeout(resolve, ms) : setImmediate(resolve)))
}
