import type { Metric } from './scenario.ts'

export const latencyMetrics: readonly Metric[] = [
  { key: 'p50', title: 'p50 ms', better: 'less', digits: 2 },
  { key: 'p99', title: 'p99 ms', better: 'less', digits: 2 },
  { key: 'p999', title: 'p99.9 ms', better: 'less', digits: 2 }
]

export const errorMetric: Metric = { key: 'errors', title: 'errors', better: 'less', digits: 0 }
export const memoryMetric: Metric = { key: 'pssMb', title: 'memory MB', better: 'less', digits: 1 }

/** Processor time per unit first: it is what stays the same when the machine is busy with something else. */
/** `digits`: of the processor time. */
export function costMetrics(unit: string, digits = 2): readonly Metric[] {
  return [
    { key: 'cpu', title: `CPU µs/${unit}`, better: 'less', digits },
    { key: 'rate', title: `${unit}s/s`, better: 'more', digits: 0 }
  ]
}

export function throughputMetrics(unit: string): readonly Metric[] {
  return [...costMetrics(unit), ...latencyMetrics, memoryMetric, errorMetric]
}
