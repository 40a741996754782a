import { findCommand } from '../harness/find-command.ts'
import type { Spec } from '../harness/processes.ts'
import type { LoadResult } from './load-result.ts'

/** A closed loop of HTTP/2 requests: `streams` at a time on each connection. */
export interface H2Load {
  readonly url: string
  readonly connections: number
  readonly streams: number
  readonly seconds: number
  /** A file that each request sends: a POST. */
  readonly bodyFile?: string
  /** `name: value` each. */
  readonly headers?: readonly string[]
}

/** Undefined without nghttp2's h2load. */
export function h2load(load: H2Load, cpus: string | undefined): Spec | undefined {
  const command = findCommand('h2load')
  if (command === undefined) return undefined
  const { url, connections, streams, seconds, bodyFile, headers = [] } = load
  const args = [
    '-D',
    String(Math.max(1, Math.round(seconds))),
    '-c',
    String(connections),
    '-m',
    String(streams)
  ]
  return {
    name: 'h2load',
    command,
    args: [
      ...args,
      ...(bodyFile === undefined ? [] : ['-d', bodyFile]),
      ...headers.flatMap((each) => ['-H', each]),
      url
    ],
    cpus
  }
}

/** What h2load prints: counts, and the time it took. */
export function parseH2load(output: string): LoadResult {
  const time = /finished in ([\d.]+)(ms|s),/.exec(output)
  const counts = /(\d+) succeeded, (\d+) failed, (\d+) errored/.exec(output)
  if (time === null || counts === null) throw new Error(`h2load gave no result: ${output.trim().slice(-500)}`)
  const seconds = Number(time[1]) / (time[2] === 'ms' ? 1e3 : 1)
  return {
    completed: Number(counts[1]),
    errors: Number(counts[2]) + Number(counts[3]),
    seconds,
    bytes: 0
  }
}
