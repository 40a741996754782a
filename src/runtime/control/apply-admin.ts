import type { AdminServer } from '../../admin/admin-server.ts'
import type { AdminConfig } from '../../config/model/model.ts'
import { bindError, StartError } from './start-error.ts'

/** The admin listener as `config` says. Rejects with a StartError when it cannot be; then it is as before. */
export async function applyAdmin(server: AdminServer, config: AdminConfig | undefined): Promise<void> {
  try {
    await server.apply(config)
  } catch (caught) {
    const error = caught as NodeJS.ErrnoException & { address?: string; port?: number }
    if (error.code === undefined) {
      throw new StartError({ code: 'LB_ADMIN', message: error.message, setting: 'admin' }, error)
    }
    const binds = config?.binds ?? []
    const bind = binds.find(
      (each) => each.kind === 'tcp' && each.port === error.port && each.host === error.address
    )
    throw bindError(error, (bind ?? binds[0])?.text ?? 'admin', 'admin.bind')
  }
}
