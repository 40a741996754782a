import type { ProbeConfig } from '../../src/config/model/model.ts'

export function probeConfig(over: Partial<ProbeConfig> = {}): ProbeConfig {
  return {
    type: 'tcp',
    intervalMs: 5000,
    timeoutMs: 2000,
    downIntervalMs: 1000,
    jitter: 0.1,
    rise: 2,
    fall: 3,
    path: '/',
    method: 'GET',
    headers: {},
    statuses: [{ from: 200, to: 399 }],
    service: '',
    user: 'lb',
    verify: true,
    ...over
  }
}

/** Lets promises that are settled already run their continuations. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
