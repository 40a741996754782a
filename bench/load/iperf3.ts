import { findCommand } from '../harness/find-command.ts'
import type { Spec } from '../harness/processes.ts'

/** Bulk through a TCP proxy; iperf3's control connection goes through it too. */
export function iperf3(port: number, seconds: number, streams: number, cpus: string | undefined): Spec {
  const args = ['--client', '127.0.0.1', '--port', String(port), '--time', String(seconds), '--json']
  return {
    name: 'iperf3',
    command: findCommand('iperf3')!,
    args: [...args, '--parallel', String(streams), '--connect-timeout', '3000'],
    cpus
  }
}

/** Bytes that the server received, and over how long. */
export function parseIperf3(output: string): { bytes: number; seconds: number } {
  const { end, error } = JSON.parse(output) as {
    end: { sum_received?: { bytes: number; seconds: number } }
    error?: string
  }
  if (error !== undefined || end.sum_received === undefined)
    throw new Error(`iperf3: ${error ?? 'no result'}`)
  return end.sum_received
}
