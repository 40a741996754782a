import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Overload {
  readonly passed: number
  readonly refused: number
  /** Anything else: another status, a connection that ended, a request without an answer. */
  readonly failed: number
  /** From the first request to the last. */
  readonly seconds: number
  /** From the first request to the last answer. */
  readonly untilLast: number
  /** Sorted, in ms. */
  readonly times: readonly number[]
}

interface Order {
  readonly ports: readonly number[]
  readonly perSecond: number
  readonly seconds: number
  readonly path?: string
  readonly connections?: number
}

const TICK_MS = 10
const LAST_ANSWER_MS = 30_000

/** Sends so many requests per second, whatever comes back, by connections to each port in turn. */
export async function overload({
  ports,
  perSecond,
  seconds,
  path = '/',
  connections = 16
}: Order): Promise<Overload> {
  const request = `GET ${path} HTTP/1.1\r\nHost: site.test\r\n\r\n`
  const counts = { passed: 0, refused: 0, failed: 0 }
  const times: number[] = []
  const lines: Socket[] = []
  let open = 0
  for (let i = 0; i < connections; i++) {
    const socket = connect(ports[i % ports.length]!, '127.0.0.1').setNoDelay()
    await once(socket, 'connect')
    lines.push(socket)
  }
  // When each was sent, in order, by connection.
  const sent = lines.map(() => [] as number[])
  lines.forEach((socket, i) => {
    let rest = ''
    socket.setEncoding('latin1').on('data', (part: string) => {
      rest += part
      for (const [, status] of rest.matchAll(/HTTP\/1\.1 (\d+)/g)) {
        times.push(performance.now() - sent[i]!.shift()!)
        open--
        if (status === '200') counts.passed++
        else if (status === '429') counts.refused++
        else counts.failed++
      }
      // A status line may have come in part.
      rest = rest.slice(Math.max(rest.lastIndexOf('HTTP/1.1 ') + 12, rest.length - 12))
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      counts.failed += sent[i]!.length
      open -= sent[i]!.length
      sent[i] = []
    })
  })
  const from = performance.now()
  let last = from
  let asked = 0
  while (last - from < seconds * 1000) {
    await sleep(TICK_MS)
    last = performance.now()
    for (const due = ((last - from) / 1000) * perSecond; asked < due; asked++) {
      const i = asked % lines.length
      open++
      sent[i]!.push(performance.now())
      lines[i]!.write(request)
    }
  }
  const end = performance.now() + LAST_ANSWER_MS
  while (open > 0 && performance.now() < end) await sleep(TICK_MS)
  const untilLast = (performance.now() - from) / 1000
  counts.failed += open
  for (const socket of lines) socket.destroy()
  return { ...counts, seconds: (last - from) / 1000, untilLast, times: times.sort((a, b) => a - b) }
}
