import type { AdminServer } from '../../admin/admin-server.ts'
import type { Bind } from '../../config/model/bind.ts'
import type { AdminConfig, Config } from '../../config/model/model.ts'
import { bindError, StartError } from './start-error.ts'

/** What the controller does with the admin listener, which is there by the first configuration. */
export function adminEdge(server: () => AdminServer) {
  return {
    edge: (next: Config) => applyAdmin(server(), next.admin),
    leaveEdge: (binds: readonly Bind[]) => server().leave(binds)
  }
}

/** The admin listener as `config` says. Rejects with a StartError when it cannot be; then it is as before. */
async function applyAdmin(server: AdminServer, config: AdminConfig | undefined): Promise<void> {
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
