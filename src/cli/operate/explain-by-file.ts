import { ApiError } from '../../admin/api/api-error.ts'
import { ControlError } from '../../admin/control-plane.ts'
import type { ExplanationView } from '../../admin/api/explanation.ts'
import { parseExplain } from '../../admin/api/explain-request.ts'
import { formatProblems } from '../../config/report/format-problems.ts'
import { loadConfig } from '../../config/load-config.ts'
import { explainRequest } from '../../runtime/control/check/explain.ts'
import type { ExplainBody } from '../admin-client/admin-client.ts'
import { CliError } from '../cli-error.ts'
import { exitCode } from '../exit-code.ts'

/** Explains as a running lb with this file would, except for the content of caches. */
export async function explainByFile(file: string, body: ExplainBody): Promise<ExplanationView> {
  const loaded = await loadConfig(file, process.env)
  if (!loaded.ok) throw new CliError(formatProblems(loaded.problems), exitCode.usage)
  try {
    const request = parseExplain({ ...body })
    return explainRequest(loaded.config, request, {
      pseudonym: '',
      ports: {},
      store: () => undefined,
      now: Date.now()
    })
  } catch (error) {
    if (error instanceof ApiError || error instanceof ControlError)
      throw new CliError(error.message, exitCode.usage)
    throw error
  }
}
