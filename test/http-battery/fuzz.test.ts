import t from 'tap'
import { fuzz } from './fuzz.ts'

// A taste of it with every change; `node test/http-battery/fuzz.ts 600 SEED` for the real thing.
t.test(
  'mutated bytes from clients and backends crash nothing, hang nothing and leave nothing behind',
  async (t) => {
    const report = await fuzz(4, Number(process.env.LB_FUZZ_SEED ?? 4_711))
    t.comment(JSON.stringify({ ...report, problems: undefined }))
    t.same(report.problems, [])
    t.ok(report.connections > 50, `${report.connections} connections`)
    t.ok(report.canaries > 2, `${report.canaries} canaries`)
    t.ok(report.socketsLeft <= 0, `${report.socketsLeft} sockets left`)
  }
)
