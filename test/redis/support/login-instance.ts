import type { Test } from 'tap'
import { configure, start } from '../../../src/index.ts'
import { oidcKeys } from '../../l7/stages/auth/oidc-world.ts'
import type { RedisServer } from './redis-server.ts'

export interface LoginInstance {
  /** Where its site is. */
  readonly app: string
  readonly logged: string[]
  kill(): Promise<void>
}

export interface LoginInstanceOptions {
  readonly issuer: string
  /** A server on its socket, or a URL. */
  readonly redis: RedisServer | string
  /** Keys of `oidc`. */
  readonly oidc?: object
  /** The threads that take turns. */
  readonly workers?: number
  /** Left out: it answers with its name. */
  readonly route?: object
  /** Keys of its listener. */
  readonly listener?: object
  readonly pools?: object
}

/** A whole lb behind whose login stands its name. */
export async function loginInstance(
  t: Test,
  name: string,
  { issuer, redis, oidc = {}, workers = 0, route, listener = {}, pools = {} }: LoginInstanceOptions
): Promise<LoginInstance> {
  const logged: string[] = []
  const take = (message: unknown) => void logged.push(typeof message === 'string' ? message : '')
  const lb = await start(
    configure({
      workers,
      redis: { url: typeof redis === 'string' ? redis : `unix:${redis.path}`, timeout: '2s' },
      ...({ pools } as object),
      listeners: [
        {
          name: 'web',
          bind: '127.0.0.1:0',
          mode: 'l7',
          accessLog: false,
          ...({
            ...listener,
            auth: { methods: [{ oidc: oidcKeys(issuer, { timeout: '20s', ...oidc }) }], guesses: false }
          } as object),
          routes: [{ match: {}, ...(route ?? { respond: { status: 200, body: name } }) }]
        }
      ]
    }),
    { log: { info: take, warn: take, error: take } }
  )
  t.teardown(() => lb.kill())
  return { app: `http://${lb.addresses[0]!.address}`, logged, kill: () => lb.kill() }
}
