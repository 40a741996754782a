import { join } from 'node:path'
import { findCommand, versionOf } from '../harness/find-command.ts'
import type { Spec } from '../harness/processes.ts'

/** A closed loop of HTTP requests: each connection sends the next when the answer to the last is there. */
export interface HttpLoad {
  readonly url: string
  readonly connections: number
  readonly seconds: number
  readonly method?: 'GET' | 'POST'
  readonly bodyBytes?: number
  /** A new connection for every request. */
  readonly close?: boolean
  /** Sent as X-Api-Key. wrk only. */
  readonly apiKey?: string
  /** Sent as Accept-Encoding. wrk only. */
  readonly acceptEncoding?: string
}

export function httpLoadTool(): string {
  const wrk = findCommand('wrk')
  return wrk === undefined ? 'autocannon' : versionOf(wrk, '-v').split(' [')[0]!
}

/** wrk when it is installed; autocannon (a dev dependency) otherwise, which costs several times as much per request. */
export function httpLoad(load: HttpLoad, cpus: string | undefined): Spec {
  const wrk = findCommand('wrk')
  const { url, connections, seconds, method = 'GET', bodyBytes = 0, close = false } = load
  if (wrk === undefined) {
    // autocannon closes after a number of requests, but not after each.
    const tool = close ? 'new-connections' : 'autocannon'
    const script = join(import.meta.dirname, `${tool}.ts`)
    return { name: tool, command: process.execPath, args: [script, JSON.stringify(load)], cpus }
  }
  const duration = `${Math.max(1, Math.round(seconds))}s`
  const script = join(import.meta.dirname, 'wrk.lua')
  const args = ['-t1', `-c${connections}`, `-d${duration}`, '--timeout', '10s', '-s', script, url]
  const env = {
    BENCH_METHOD: method,
    BENCH_BODY_BYTES: String(bodyBytes),
    BENCH_CLOSE: close ? '1' : '0',
    BENCH_API_KEY: load.apiKey ?? '',
    BENCH_ACCEPT_ENCODING: load.acceptEncoding ?? ''
  }
  return { name: 'wrk', command: wrk, args, env, cpus }
}
