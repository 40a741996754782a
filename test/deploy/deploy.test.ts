import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { parseConfig } from '../../src/config/parse-config.ts'
import { catalogue, type MetricName } from '../../src/core/metrics/catalogue.ts'
import { start } from '../../src/index.ts'
import { formatProblems } from '../../src/config/report/format-problems.ts'
import { spawnLb } from '../e2e/process.ts'

const root = join(import.meta.dirname, '../..')
const deploy = join(root, 'deploy')
const text = (path: string): string => readFileSync(join(deploy, path), 'utf8')

interface Compose {
  readonly services: Record<
    string,
    {
      image?: string
      build?: { context: string; dockerfile: string }
      volumes?: string[]
      depends_on?: string[]
    }
  >
}

interface Dashboard {
  readonly panels: readonly { title: string; targets: readonly { expr: string }[] }[]
}

t.test('the demonstration: files are there, names agree, the configuration holds', async (t) => {
  const compose = parse(text('compose/docker-compose.yaml'), { merge: true }) as Compose
  const names = Object.keys(compose.services)
  for (const [name, service] of Object.entries(compose.services)) {
    if (service.build === undefined) t.type(service.image, 'string', name)
    else {
      const context = join(deploy, 'compose', service.build.context)
      t.ok(existsSync(join(context, service.build.dockerfile)), name)
    }
    for (const volume of service.volumes ?? []) {
      t.ok(existsSync(join(deploy, 'compose', volume.split(':')[0]!)), volume)
    }
    for (const other of service.depends_on ?? []) t.ok(names.includes(other), other)
  }
  const checked = parseConfig(text('compose/lb.yaml'), { file: 'lb.yaml' })
  if (!checked.ok) throw new Error(formatProblems(checked.problems))
  for (const pool of Object.values(checked.config.pools)) {
    for (const { address } of pool.backends) {
      t.ok(address.kind === 'tcp' && names.includes(address.host), `${pool.name}: ${address.text}`)
    }
  }
  const prometheus = parse(text('compose/prometheus.yaml')) as {
    scrape_configs: { authorization: { credentials: string }; static_configs: { targets: string[] }[] }[]
  }
  const [scrape] = prometheus.scrape_configs
  const written = parse(text('compose/lb.yaml')) as { admin: { bind: string; token: string } }
  t.equal(scrape!.authorization.credentials, written.admin.token)
  t.equal(scrape!.static_configs[0]!.targets[0], `lb:${written.admin.bind.split(':')[1]}`)
})

interface Selector {
  readonly name: MetricName
  readonly labels: readonly (readonly [label: string, value: string])[]
}

/** What Prometheus adds to our labels. */
const OUTSIDE = ['instance', 'job', 'le']
const base = (name: string): MetricName => name.replace(/_(?:bucket|sum|count)$/, '') as MetricName

/** The metrics that a query asks for, each with the labels that it picks by. */
function selectors(expr: string): Selector[] {
  return [...expr.matchAll(/\b((?:lb|process)_\w+)(?:\{([^}]*)\})?/g)].map(([, name, picks = '']) => ({
    name: base(name!),
    labels: [...picks.matchAll(/(\w+)=~?"([^"]*)"/g)].map(([, label, value]) => [label!, value!] as const)
  }))
}

/** What is asked of a metric that it does not have. */
function unknownIn(expr: string): string[] {
  const asked = selectors(expr)
  const labels = asked.flatMap(({ name }) => catalogue[name]?.labels ?? [])
  const by = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/,\s*/))
  return [
    ...asked.filter(({ name }) => catalogue[name] === undefined).map(({ name }) => name),
    ...asked.flatMap(({ name, labels }) =>
      labels
        .filter(([label]) => ![...OUTSIDE, ...(catalogue[name]?.labels ?? [])].includes(label))
        .map(([label]) => `${name}{${label}}`)
    ),
    ...by.filter((label) => ![...OUTSIDE, ...labels].includes(label)).map((label) => `by (${label})`)
  ]
}

const dashboard = JSON.parse(text('compose/grafana/lb-dashboard.json')) as Dashboard
const { groups } = parse(text('prometheus/lb-rules.yaml')) as {
  groups: { rules: { expr: string; alert?: string; labels?: { severity: string } }[] }[]
}
const rules = groups.flatMap(({ rules }) => rules)

t.test('the dashboard and the alerts ask for metrics and labels that there are', async (t) => {
  t.strictSame(unknownIn('sum by (nobody) (rate(lb_requests_total{host="x"}[1m])) / lb_no_such'), [
    'lb_no_such',
    'lb_requests_total{host}',
    'by (nobody)'
  ])
  t.ok(dashboard.panels.length > 20)
  for (const { title, targets } of dashboard.panels)
    for (const { expr } of targets) {
      t.ok(selectors(expr).length > 0, title)
      t.strictSame(unknownIn(expr), [], title)
    }
  for (const { expr, alert, labels } of rules) {
    t.strictSame(unknownIn(expr), [], alert ?? expr)
    if (alert !== undefined) t.match(labels?.severity, /^(?:page|ticket)$/, alert)
  }
})

// An increase from nothing to 1 is none to Prometheus: the first of a kind would wake nobody.
t.test('what alerts count is there, at 0, before the first one', async (t) => {
  await using lb = await start({
    workers: 1,
    listeners: [
      { name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' },
      { name: 'dns', bind: '127.0.0.1:0', mode: 'l4', protocol: 'udp', pool: 'web' }
    ],
    pools: { web: { backends: ['127.0.0.1:9'] } }
  })
  const lines = lb.metrics().split('\n')
  for (const { expr, alert } of rules) {
    for (const [call] of expr.matchAll(/(?:increase|rate)\([^[]*\[/g)) {
      const [{ name, labels }] = selectors(call) as [Selector]
      if (name === 'lb_udp_kernel_drops_total' && process.platform !== 'linux') continue
      const own = labels.filter(([label]) => !OUTSIDE.includes(label))
      const there = lines.filter(
        (line) => line.startsWith(name) && own.every(([label, value]) => line.includes(`${label}="${value}"`))
      )
      t.ok(there.length > 0 || name.startsWith('lb:'), `${alert}: ${call}`)
      for (const line of there) t.match(line, / 0$/, line)
    }
  }
})

const noPromtool = spawnSync('promtool', ['--version']).error !== undefined && 'promtool is not installed'
const promtool = (...args: readonly string[]) => spawnSync('promtool', args, { encoding: 'utf8' })

t.test('Prometheus takes the alerts and what the dashboard asks', { skip: noPromtool }, async (t) => {
  const beside = t.testdir({
    'prometheus.yml': text('compose/prometheus.yaml'),
    'lb-rules.yaml': text('prometheus/lb-rules.yaml')
  })
  const checked = promtool('check', 'config', join(beside, 'prometheus.yml'))
  t.equal(checked.status, 0, checked.stdout + checked.stderr)
  const tested = promtool('test', 'rules', join(deploy, 'prometheus/lb-rules.test.yaml'))
  t.equal(tested.status, 0, tested.stdout + tested.stderr)
  const rules = dashboard.panels.flatMap(({ targets }) =>
    targets.map(({ expr }) => ({
      record: 'panel',
      expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', 'a'),
      labels: { expr }
    }))
  )
  const panels = join(beside, 'panels.json')
  writeFileSync(panels, JSON.stringify({ groups: [{ name: 'panels', rules }] }))
  const asked = promtool('check', 'rules', panels)
  t.equal(asked.status, 0, asked.stdout + asked.stderr)
})

const noSystemd =
  spawnSync('systemd-analyze', ['--version']).error !== undefined && 'systemd is not installed'

t.test('systemd takes the unit', { skip: noSystemd }, async (t) => {
  const dir = t.testdir({
    'lb.service': text('systemd/lb.service').replaceAll('/usr/local/bin/lb', '/bin/true'),
    'lb.socket': text('systemd/lb.socket')
  })
  const { status, stderr } = spawnSync(
    'systemd-analyze',
    ['verify', '--man=no', join(dir, 'lb.service'), join(dir, 'lb.socket')],
    {
      encoding: 'utf8'
    }
  )
  // It also speaks of units of the machine itself.
  t.strictSame(
    stderr.split('\n').filter((line) => /lb\.(?:service|socket):/.test(line)),
    []
  )
  t.equal(status, 0, stderr)
  const security = ['security', '--offline=true', '--no-pager', join(dir, 'lb.service')]
  const { stdout } = spawnSync('systemd-analyze', security, { encoding: 'utf8' })
  const exposure = /Overall exposure level for lb\.service: ([\d.]+)/.exec(stdout)?.[1]
  // Before 252 it looks at no file.
  if (exposure !== undefined)
    t.ok(Number(exposure) <= 2, `exposure ${exposure}: docs/production.md tells 1.7`)
  const stop = Number(/^TimeoutStopSec=(\d+)$/m.exec(text('systemd/lb.service'))![1])
  const { config } = parseConfig(
    'listeners: { bind: "127.0.0.1:0", mode: l7, routes: { respond: { body: x } } }',
    {
      file: 'lb.yaml'
    }
  ) as { config: { shutdown: { graceMs: number; delayMs: number } } }
  const { graceMs, delayMs } = config.shutdown
  t.ok(stop * 1000 > graceMs + delayMs, 'it is not cut while it drains')
})

t.test('the image: every program and file that the Dockerfile names is made by it', async (t) => {
  const dockerfile = text('Dockerfile')
  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    bin: Record<string, string>
  }
  t.match(dockerfile, `ln -s /app/${bin['lb']} /usr/local/bin/lb`)
  t.match(dockerfile, /^CMD \["lb", "--config", "\/etc\/lb\/lb\.yaml"\]$/m)
  t.match(dockerfile, /^USER node$/m)
  const script = /"-e", "(.*)"\]$/m.exec(dockerfile)![1]!
  t.match(script, 'http://127.0.0.1:9900/readyz')
  t.equal(spawnSync(process.execPath, ['--check', '-'], { input: script }).status, 0)
})

/** A program of the demonstration on a free port. */
async function program(t: Test, file: string, environment: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(process.execPath, [join(deploy, 'compose', file)], {
    env: { ...process.env, NODE_OPTIONS: '', PORT: '0', HOST: '127.0.0.1', ...environment },
    stdio: ['ignore', 'pipe', 'ignore']
  })
  t.teardown(() => child.kill('SIGKILL'))
  for await (const part of child.stdout.setEncoding('utf8')) {
    const port = /on port (\d+)/.exec(String(part))?.[1]
    if (port !== undefined) return `127.0.0.1:${port}`
  }
  throw new Error(`${file} ended`)
}

t.test(
  'the demonstration through lb: a button makes a backend fail, and requests go to another',
  async (t) => {
    const app1 = await program(t, 'app.mjs', { NAME: 'app1' })
    const app2 = await program(t, 'app.mjs', { NAME: 'app2' })
    // A backend is known by the name before its colon; here both have one address.
    const chaos = await program(t, 'chaos.mjs', { APPS: `${app1},localhost:${app2.split(':')[1]}` })
    const config = parse(text('compose/lb.yaml')) as {
      redis?: object
      listeners: { bind: string; rateLimit?: object }[]
      pools: Record<string, { backends: object[] }>
      admin: { bind: string }
    }
    delete config.redis
    delete config.listeners[0]!.rateLimit
    config.listeners[0]!.bind = '127.0.0.1:0'
    config.admin.bind = '127.0.0.1:0'
    config.pools['apps']!.backends = [
      { name: 'app1', address: app1 },
      { name: 'app2', address: app2 }
    ]
    config.pools['chaos']!.backends = [{ name: 'chaos', address: chaos }]
    const lb = spawnLb(t, JSON.stringify(config))
    await lb.says('lb runs with')
    const address = /"listener":"web"[^\n]*?"address":"([^"]+)"/.exec(lb.output())![1]!
    const page = await fetch(`http://${address}/chaos/`)
    t.equal(page.status, 200)
    t.match(await page.text(), '/chaos/127.0.0.1/fail')
    const pressed = await fetch(`http://${address}/chaos/127.0.0.1/fail`, {
      method: 'POST',
      redirect: 'manual'
    })
    t.match(
      { status: pressed.status, location: pressed.headers.get('location') },
      { status: 303, location: '/chaos/' }
    )
    t.match(await (await fetch(`http://${app1}/`)).text(), 'app1 is fail')
    // The breaker hears of its failures by traffic; probes still find it well.
    let last = ''
    for (let request = 0; request < 200 && !last.includes('app2'); request++) {
      const response = await fetch(`http://${address}/`)
      last = await response.text()
    }
    t.match(last, 'app2 is ok')
  }
)

const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound', flush=True)
while True:
    data, ancillary, flags, _ = s.recvmsg(4096, 1024)
    for level, kind, fds in ancillary:
        import array, os
        for fd in array.array('i', fds[:len(fds) // 4 * 4]): os.close(fd)
    print(data.decode().replace('\\n', ' '), flush=True)
`
const noLogrotate = spawnSync('logrotate', ['--version']).error !== undefined && 'logrotate is not installed'

t.test('logrotate takes its sample, and what it makes is what the unit lets lb write', { skip: noLogrotate }, async (t) => {
  const sample = text('logrotate/lb').replace(/^ *create .*$/m, 'create')
  const dir = t.testdir({ lb: sample.replaceAll('/var/log/lb', t.testdirName) })
  const { status, stderr } = spawnSync('logrotate', ['--debug', '--state', join(dir, 'state'), join(dir, 'lb')], { encoding: 'utf8' })
  t.equal(status, 0, stderr)
  t.notMatch(stderr, /^error:/m)
  t.match(sample, /^\/var\/log\/lb\//m)
  t.match(text('systemd/lb.service'), /^LogsDirectory=lb$/m)
}) // prettier-ignore

const noNotify =
  (spawnSync('systemd-notify', ['--version']).error !== undefined && 'systemd-notify is not installed') ||
  (spawnSync('python3', ['--version']).error !== undefined && 'python3 is not installed')

t.test('systemd hears when lb is ready, lives, reloads and stops', { skip: noNotify }, async (t) => {
  const dir = t.testdir({ 'receiver.py': RECEIVER })
  // The path of a unix socket has room for 107 bytes.
  const short = mkdtempSync(join(tmpdir(), 'lb-notify-'))
  t.teardown(() => rmSync(short, { recursive: true }))
  const path = join(short, 's')
  const receiver = spawn('python3', [join(dir, 'receiver.py'), path], {
    stdio: ['ignore', 'pipe', 'ignore']
  })
  t.teardown(() => receiver.kill('SIGKILL'))
  let heard = ''
  let wake = () => {}
  receiver.stdout.setEncoding('utf8').on('data', (part: string) => {
    heard += part
    wake()
  })
  const hears = async (what: string) => {
    while (!heard.includes(what)) await new Promise<void>((resolve) => (wake = resolve))
    heard = heard.slice(heard.indexOf(what) + what.length)
  }
  await hears('bound')
  const yaml = 'workers: 1\nlisteners: { bind: "127.0.0.1:0", mode: l7, routes: { respond: { body: x } } }\n'
  const lb = spawnLb(t, yaml, [], { NOTIFY_SOCKET: path, WATCHDOG_USEC: '2000000' })
  await hears('READY=1')
  for (let i = 0; i < 2; i++) await hears('WATCHDOG=1')
  lb.child.kill('SIGHUP')
  await hears('RELOADING=1')
  // `Type=notify-reload` takes no reload for its own without the time at which it began.
  await hears('MONOTONIC_USEC=')
  const [, began] = /^(\d+)/.exec(heard)!
  t.ok(Number(began) > 0 && BigInt(began!) * 1000n <= process.hrtime.bigint())
  await hears('READY=1')
  lb.child.kill('SIGTERM')
  await hears('STOPPING=1')
  t.equal(await lb.ended, 0)
})

t.test('systemd is notified of the stop, however long the notification of the start took', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'lb-notify-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const told = join(dir, 'told')
  writeFileSync(join(dir, 'systemd-notify'), `#!/bin/sh\nsleep 1\necho "$2" >> ${told}\n`, { mode: 0o755 })
  const yaml = 'workers: 1\nlisteners: { bind: "127.0.0.1:0", mode: l7, routes: { respond: { body: x } } }\n'
  const environment = { NOTIFY_SOCKET: join(dir, 'none'), PATH: `${dir}:${process.env.PATH}` }
  const lb = spawnLb(t, yaml, [], environment)
  await lb.says('lb runs')
  lb.child.kill('SIGTERM')
  t.equal(await lb.ended, 0)
  t.strictSame(readFileSync(told, 'utf8').split('\n'), ['READY=1', 'STOPPING=1', ''])
})
