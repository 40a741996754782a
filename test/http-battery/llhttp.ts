import { createRequire } from 'node:module'

/**
 * llhttp itself, the parser of Node.js, in the WebAssembly build that undici carries: the same C as in node:http with
 * the same flags (none lenient), but synchronous and without sockets, so 100,000 messages take seconds. That it decides
 * as node:http does is checked by node-http-oracle.test.ts.
 */
export type MessageType = 'request' | 'response'

export interface OracleMessage {
  method: string
  target: string
  status: number
  minor: number
  readonly headers: [name: string, value: string][]
  readonly trailers: [name: string, value: string][]
  body: string
  headComplete: boolean
  complete: boolean
}

export interface OracleResult {
  readonly messages: readonly OracleMessage[]
  /** llhttp's name for the error, undefined when it wants to read on. */
  readonly error: string | undefined
}

/** Of the global object, whose types stand in lib.dom only. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: object) => { readonly exports: object }
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer }
  _initialize(): void
  llhttp_alloc(type: number): number
  llhttp_free(parser: number): void
  llhttp_execute(parser: number, data: number, length: number): number
  llhttp_finish(parser: number): number
  llhttp_get_method(parser: number): number
  llhttp_get_http_minor(parser: number): number
  llhttp_get_error_reason(parser: number): number
  llhttp_errno_name(error: number): number
  llhttp_method_name(method: number): number
  malloc(size: number): number
}

const PAUSED_UPGRADE = 22
const MAX_BYTES = 1 << 20

let messages: OracleMessage[] = []
/** Whether the next piece of a field name begins a new field. */
let inName = false
/** A HEAD response has no body: told to llhttp by the return value of headers_complete. */
let skipBody = false

const require = createRequire(import.meta.url)
const bytes = require('undici/lib/llhttp/llhttp-wasm.js') as Buffer
const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
  env: {
    wasm_on_message_begin: () => {
      inName = false
      messages.push({
        method: '',
        target: '',
        status: 0,
        minor: 0,
        headers: [],
        trailers: [],
        body: '',
        headComplete: false,
        complete: false
      })
      return 0
    },
    wasm_on_url: (_: number, at: number, length: number) => {
      last().target += text(at, length)
      return 0
    },
    wasm_on_status: () => 0,
    wasm_on_header_field: (_: number, at: number, length: number) => {
      const fields = section()
      if (!inName) fields.push(['', ''])
      inName = true
      fields.at(-1)![0] += text(at, length)
      return 0
    },
    wasm_on_header_value: (_: number, at: number, length: number) => {
      inName = false
      section().at(-1)![1] += text(at, length)
      return 0
    },
    wasm_on_headers_complete: (parser: number, status: number) => {
      const message = last()
      inName = false
      message.headComplete = true
      message.status = status
      if (status === 0)
        message.method = cString(exports.llhttp_method_name(exports.llhttp_get_method(parser)))
      message.minor = exports.llhttp_get_http_minor(parser)
      return skipBody ? 1 : 0
    },
    wasm_on_body: (_: number, at: number, length: number) => {
      last().body += text(at, length)
      return 0
    },
    wasm_on_message_complete: () => {
      last().complete = true
      return 0
    }
  }
})
const exports = instance.exports as Exports
exports._initialize()
const input = exports.malloc(MAX_BYTES)

/** What llhttp reads in `pieces`; with `end` the connection is closed after them. */
export function llhttp(
  type: MessageType,
  pieces: readonly Uint8Array[],
  options: { end?: boolean; head?: boolean } = {}
): OracleResult {
  const parser = exports.llhttp_alloc(type === 'request' ? 1 : 2)
  messages = []
  inName = false
  skipBody = options.head === true
  let code = 0
  for (const piece of pieces) {
    if (piece.length > MAX_BYTES) throw new RangeError('message too large for the oracle')
    new Uint8Array(exports.memory.buffer, input, piece.length).set(piece)
    code = exports.llhttp_execute(parser, input, piece.length)
    if (code !== 0) break
  }
  if (code === 0 && options.end === true) code = exports.llhttp_finish(parser)
  // An upgrade (or CONNECT) is no error: what follows is not HTTP.
  const error = code === 0 || code === PAUSED_UPGRADE ? undefined : cString(exports.llhttp_errno_name(code))
  exports.llhttp_free(parser)
  return { messages, error }
}

function last(): OracleMessage {
  return messages.at(-1)!
}

function section(): [string, string][] {
  const message = last()
  return message.headComplete ? message.trailers : message.headers
}

function text(at: number, length: number): string {
  return Buffer.from(exports.memory.buffer, at, length).toString('latin1')
}

function cString(at: number): string {
  if (at === 0) return ''
  const memory = Buffer.from(exports.memory.buffer)
  return memory.toString('latin1', at, memory.indexOf(0, at))
}
