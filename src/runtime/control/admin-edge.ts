import type { AdminServer } from '../../admin/admin-server.ts'
import type { Bind } from '../../config/model/bind.ts'
import type { AdminConfig, Config } from '../../config/model/model.ts'
import { bindError, StartError } from './start-error.ts'

/** Connects the controller with the admin listener, which exists once the first configuration is in force. */
export function adminEdge(server: () => AdminServer) {
  return {
    edge: (next: Config) => applyAdmin(server(), next.admin),
    leaveEdge: (binds: readonly Bind[]) => server().leave(binds)
  }
}

/** Changes the admin listener to `config`. Rejects with a StartError when that fails; then it is as before. */
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
