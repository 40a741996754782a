import t from 'tap'
import { ConfigError } from '../../src/config/report/config-error.ts'
import { parseConfig } from '../../src/config/parse-config.ts'

function large(): string {
  const lines = ['listeners:', '  - bind: ":8080"', '    mode: l7', '    routes:']
  for (let i = 0; i < 1000; i++) {
    lines.push(
      `      - { name: r${i}, match: { host: h${i}.example.com, pathPrefix: /p${i}/ }, pool: p${i % 100} }`
    )
  }
  lines.push('pools:')
  for (let p = 0; p < 100; p++) {
    lines.push(`  p${p}:`, '    algorithm: least-connections', '    backends:')
    for (let b = 0; b < 100; b++)
      lines.push(`      - { name: b${b}, address: "10.${p}.0.${b}:8080", weight: 3 }`)
  }
  return lines.join('\n')
}

/** Processor time, since other tests run beside this one. */
function cpuMs(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

t.test('1,000 routes and 10,000 backends are read in a fraction of what a reload may take', async (t) => {
  const text = large()
  const ms = cpuMs(() => {
    const result = parseConfig(text, { env: {} })
    if (!result.ok) throw new ConfigError(result.problems)
    t.equal(result.config.listeners[0]!.mode === 'l7' && result.config.listeners[0]!.routes.length, 1000)
  })
  t.comment(`${ms.toFixed(0)} ms of processor time for ${text.length} characters`)
  // 150 to 330 ms measured (1,400 before quick-yaml.ts), the threads of the engine included.
  t.ok(ms < 2000, `${ms} ms`)
})

t.test('ten thousand wrong backends cost no more than right ones', async (t) => {
  const text = large().replaceAll('weight: 3', 'weight: x')
  const ms = cpuMs(() => {
    const result = parseConfig(text, { env: {} })
    t.equal(result.ok, false)
    if (!result.ok) t.equal(result.problems.length, 1000)
  })
  t.ok(ms < 12_000, `${ms} ms`)
})
