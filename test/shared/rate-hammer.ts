import { workerData, parentPort } from 'node:worker_threads'
import { RateTable, type RateBuffers } from '../../src/shared/rate-table.ts'
import type { RateRule } from '../../src/shared/rate-rule.ts'

// Takes from a few keys, at one moment in time, and says how many passed.
const { rule, buffers, tries, keys } = workerData as {
  rule: RateRule
  buffers: RateBuffers
  tries: number
  keys: number
}
const table = new RateTable(rule, buffers)
const decision = { allowed: false, remaining: 0, retryMs: 0, fullMs: 0 }
let passed = 0
for (let i = 0; i < tries; i++) {
  table.take(7 + (i % keys), 11, 1, 1_000_000, decision)
  if (decision.allowed) passed++
}
parentPort!.postMessage(passed)
