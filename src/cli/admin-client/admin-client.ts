import { own } from '../../core/own.ts'
import { Client } from 'undici'
import type {
  BackendChange,
  BackendView,
  CacheView,
  CertificatesView,
  InfoView,
  ListenerView,
  PoolView,
  PurgeReport,
  ReloadReport
} from '../../admin/control-plane.ts'
import type { ExplanationView } from '../../admin/api/explanation.ts'
import { CliError } from '../cli-error.ts'
import { exitCode } from '../exit-code.ts'
import type { Target } from './target.ts'

/** Largest answer that is accepted: 100,000 backends in /api/pools are about 50 MB. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024

/** The body of a change, as in docs/openapi.yaml. */
export interface BackendRequest extends Omit<BackendChange, 'sessionsMs'> {
  /** `2h`. */
  readonly sessions?: string
}

/** The body of a purge, as in docs/openapi.yaml. */
export interface PurgeBody {
  readonly url?: readonly string[]
  readonly prefix?: readonly string[]
  readonly tag?: readonly string[]
  readonly all?: true
  readonly cache?: string
  readonly soft?: true
}

/** The body of an explain request, as in docs/openapi.yaml. */
export interface ExplainBody {
  readonly method?: string
  readonly url: string
  /** Lines: `Accept-Language: de`. */
  readonly headers?: readonly string[]
  readonly client?: string
  readonly listener?: string
  readonly http2?: boolean
  readonly response?: { readonly status?: number; readonly headers?: readonly string[] }
}

/** Calls the admin API of a running `lb`. Every failure is a CliError that says what to do about it. */
export class AdminClient {
  readonly #target: Target
  readonly #client: Client

  constructor(target: Target) {
    this.#target = target
    this.#client = new Client(target.origin, {
      ...(target.socketPath === undefined ? {} : { socketPath: target.socketPath }),
      connectTimeout: 3_000,
      headersTimeout: 10_000,
      bodyTimeout: 10_000,
      maxResponseSize: MAX_ANSWER_BYTES
    })
  }

  /** Which lb is addressed, in words; undefined when the user has named it. */
  async instance(): Promise<string | undefined> {
    if (!this.#target.implied) return undefined
    const { pid, configFile } = await this.info()
    return `${this.#target.text}, pid ${pid}${configFile === undefined ? '' : `, ${configFile}`}`
  }

  info(): Promise<InfoView> {
    return this.#ask<InfoView>('GET', '/api/info')
  }

  async caches(): Promise<readonly CacheView[]> {
    return (await this.#ask<{ caches: readonly CacheView[] }>('GET', '/api/caches')).caches
  }

  certificates(): Promise<CertificatesView> {
    return this.#ask<CertificatesView>('GET', '/api/certificates')
  }

  async listeners(): Promise<readonly ListenerView[]> {
    return (await this.#ask<{ listeners: readonly ListenerView[] }>('GET', '/api/listeners')).listeners
  }

  async pools(): Promise<readonly PoolView[]> {
    return (await this.#ask<{ pools: readonly PoolView[] }>('GET', '/api/pools')).pools
  }

  backend(pool: string, backend: string): Promise<BackendView> {
    return this.#ask<BackendView>('GET', backendPath(pool, backend))
  }

  changeBackend(pool: string, backend: string, change: BackendRequest): Promise<BackendView> {
    return this.#ask<BackendView>('POST', backendPath(pool, backend), change)
  }

  /** A refused configuration comes back as a report with `errors`. */
  reload(plan: boolean): Promise<ReloadReport> {
    return this.#ask<ReloadReport>('POST', `/api/reload${plan ? '?plan=1' : ''}`, undefined, [422])
  }

  purge(body: PurgeBody): Promise<PurgeReport> {
    return this.#ask<PurgeReport>('POST', '/api/cache/purge', body)
  }

  explain(body: ExplainBody): Promise<ExplanationView> {
    return this.#ask<ExplanationView>('POST', '/api/explain', body)
  }

  close(): Promise<void> {
    return this.#client.destroy()
  }

  async #ask<T>(method: 'GET' | 'POST', path: string, body?: object, alsoTake: number[] = []): Promise<T> {
    const { token } = this.#target
    let status: number
    let text: string
    try {
      const response = await this.#client.request({
        method,
        path,
        // A reload binds, looks up names and changes all workers; other calls answer from memory.
        ...(path.startsWith('/api/reload') ? { headersTimeout: 60_000 } : {}),
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
      status = response.statusCode
      text = await response.body.text()
    } catch (error) {
      throw this.#unreachable(error)
    }
    const answer = parseObject(text)
    if (answer !== undefined && (status === 200 || alsoTake.includes(status))) return answer as T
    throw this.#refused(status, answer)
  }

  #unreachable(error: unknown): CliError {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = (code !== undefined && own(reasons, code)) || message
    const { text, file } = this.#target
    return new CliError(
      `no lb answers at ${text}: ${reason}. ` +
        (file === undefined
          ? 'Does it run, and is this its admin.bind? Name it with --admin, or its configuration with -c.'
          : `Does it run? That is admin.bind of ${file}: where it was changed since lb read it, name the one before with --admin.`)
    )
  }

  #refused(status: number, answer: Record<string, unknown> | undefined): CliError {
    const { code, message } = (answer?.error ?? {}) as { code?: string; message?: string }
    if (code === undefined || message === undefined) {
      return new CliError(
        `what answers at ${this.#target.text} is not the admin listener of an lb (status ${status})`
      )
    }
    if (status === 401) {
      const what = this.#target.token === undefined ? 'the admin token is needed' : message
      return new CliError(`${what}; give it with --token, LB_ADMIN_TOKEN, or the configuration with -c`)
    }
    const usage = status === 400 || status === 404
    return new CliError(message, usage ? exitCode.usage : exitCode.cannotRun)
  }
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOENT: 'the socket does not exist',
  ERR_SSL_WRONG_VERSION_NUMBER: 'no TLS is spoken there; write http://',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'no TLS is spoken there; write http://',
  EACCES: 'permission denied',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name cannot be looked up now',
  ECONNRESET: 'the connection was closed',
  EHOSTUNREACH: 'no route to the host',
  ETIMEDOUT: 'no answer in time',
  UND_ERR_SOCKET: 'the connection was closed',
  UND_ERR_CONNECT_TIMEOUT: 'no answer in time',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_BODY_TIMEOUT: 'no answer in time',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'the answer is too large'
}

function backendPath(pool: string, backend: string): string {
  return `/api/pools/${encodeURIComponent(pool)}/backends/${encodeURIComponent(backend)}`
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
