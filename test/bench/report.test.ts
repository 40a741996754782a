import t from 'tap'
import type { ContestantResult, Results } from '../../bench/harness/results.ts'
import { barChart } from '../../bench/report/bar-chart.ts'
import { judge } from '../../bench/report/goals.ts'
import { report } from '../../bench/report/markdown.ts'
import { textTable } from '../../bench/report/text-table.ts'
import { throughputMetrics } from '../../bench/scenarios/metrics.ts'

const contestant = (label: string, ...cpu: number[]): ContestantResult => ({
  label,
  target: label,
  rounds: cpu.map((value) => ({ cpu: value, rate: 1e6 / value, errors: 0 }))
})

const results: Results = {
  name: 'test',
  date: '2026-11-21T00:00:00.000Z',
  machine: { cpu: 'Z80', cores: 2, memoryGb: 1, system: 'Linux 6', node: 'v24.0.0', loadBefore: 0 },
  load: 'wrk',
  pinned: 'not pinned',
  rounds: 3,
  seconds: 2,
  versions: { lb: 'lb abc', nginx: 'nginx 1.22' },
  missing: { caddy: 'apt-get install caddy' },
  scenarios: [
    {
      name: 'l7-get',
      title: 'Small GET',
      about: 'About it.',
      metrics: throughputMetrics('request'),
      contestants: [
        contestant('lb', 15, 30, 15),
        contestant('nginx', 10, 20, 10),
        contestant('haproxy', 15, 20, 15),
        contestant('fast-proxy', 30, 60, 30),
        contestant('http-proxy', 60, 120, 60),
        { label: 'httpxy', target: 'httpxy', rounds: [], excluded: 'status is 500', wrong: true }
      ]
    }
  ]
}

t.test(
  'goals are judged by the median of the rounds’ ratios, and what was not measured is said to be so',
  async (t) => {
    const judged = judge(results)
    const find = (theirs: string): unknown =>
      judged.find((goal) => goal.scenario === 'l7-get' && goal.theirs === theirs)
    t.match(find('haproxy'), { found: { median: 1, min: 1, max: 1.5 }, met: true })
    t.match(
      find('the best Node.js proxy'),
      { found: { median: 0.5 }, met: true },
      'fast-proxy, not http-proxy'
    )
    t.equal(judged.find((goal) => goal.scenario === 'l4-bulk')?.found, undefined)
  }
)

t.test('the report says where lb loses, who answered wrongly, and what was not there', async (t) => {
  const { markdown, images } = report(results)
  t.match(markdown, '| Small GET | CPU µs/request | nginx | 1.50 (1.50–1.50) |')
  t.match(markdown, '- httpxy: **wrong answer**: status is 500')
  t.match(markdown, '- caddy: not installed here (`apt-get install caddy`)')
  t.match(markdown, '| lb | – | 15.00 |')
  t.match(markdown, '![Small GET](images/bench-l7-get.svg)')
  t.same(Object.keys(images), ['bench-l7-get.svg'])
})

t.test('a chart scales to its largest bar and escapes its texts', async (t) => {
  const bar = { min: 1, max: 2, text: '1', highlighted: false }
  const svg = barChart('a < b', 'c & d', [
    { ...bar, label: '<x>', value: 2 },
    { ...bar, label: 'half', value: 1 }
  ])
  t.match(svg, 'a &lt; b')
  t.match(svg, '&lt;x&gt;')
  t.notMatch(svg, '<x>')
  const widths = [...svg.matchAll(/<rect x="170" y="\d+" width="([\d.]+)"/g)].map((match) => Number(match[1]))
  t.same(widths, [460, 230])
})

t.test('a text table lines up', async (t) => {
  t.equal(
    textTable([
      ['', 'ab'],
      ['long', '1']
    ]),
    '      ab\nlong   1'
  )
})
